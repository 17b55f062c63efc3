//! One file for each pane: a pure function from the state to cells.

pub mod caption;
mod chart;
mod dead_broker;
pub mod fleet;
pub mod flow;
mod flow_block;
pub mod group;
mod group_consumer;
mod group_state;
pub mod lesson;
pub mod log;
mod log_bracket;
mod log_lane;
mod log_legend;
mod log_marks;
mod log_receipt;
mod log_starting;
mod log_waiting;
mod log_window;
pub mod now;
pub mod order;
pub mod output;
pub mod partitions;
mod process_table;
pub mod processes;
pub mod quorum;
mod replica_costs;
pub mod replicas;
pub mod sessions;
mod small_box;
pub mod stage_brokers;
pub mod stage_consumers;
pub mod stage_numbers;
pub mod story;
pub mod tabs;
pub mod throughput;
mod topic_rows;
pub mod transactions;
pub mod watches;
pub mod wire;
mod znode_detail;
pub mod znodes;
mod zookeeper_box;
pub mod zookeeper_story;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::state::{Action, Pane, ScreenAction, State};

/// Draws a pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, pane: Pane, area: Rect) {
    canvas.spot(area, || Action::Screen(ScreenAction::FocusPane(pane)));
    match pane {
        Pane::Processes => processes::draw(canvas, state, area),
        Pane::Replicas => replicas::draw(canvas, state, area),
        Pane::Log => log::draw(canvas, state, area),
        Pane::Group => group::draw(canvas, state, area),
        Pane::Story => story::draw(canvas, state, area),
        Pane::Flow => flow::draw(canvas, state, area),
        Pane::StageBrokers => stage_brokers::draw(canvas, state, area),
        Pane::StageConsumers => stage_consumers::draw(canvas, state, area),
        Pane::StageNumbers => stage_numbers::draw(canvas, state, area),
        Pane::Caption => caption::draw(canvas, state, area),
        Pane::Znodes => znodes::draw(canvas, state, area),
        Pane::Sessions => sessions::draw(canvas, state, area),
        Pane::Watches => watches::draw(canvas, state, area),
        Pane::ZooKeeperStory => zookeeper_story::draw(canvas, state, area),
        Pane::Wire => wire::draw(canvas, state, area),
        Pane::Output => output::draw(canvas, state, area),
        Pane::Throughput => throughput::draw(canvas, state, area),
        Pane::Brokers => fleet::draw(canvas, state, area),
        Pane::Partitions => partitions::draw(canvas, state, area),
        Pane::Now => now::draw(canvas, state, area),
        Pane::Quorum => quorum::draw(canvas, state, area),
        Pane::Transactions => transactions::draw(canvas, state, area),
        Pane::Lesson => lesson::draw(canvas, state, area),
        Pane::Order => order::draw(canvas, state, area),
    }
}

/// Draws what is inside the frame, for panes that take turns in one.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, pane: Pane, area: Rect) {
    canvas.spot(area, || Action::Screen(ScreenAction::FocusPane(pane)));
    match pane {
        Pane::Processes => processes::draw(canvas, state, area),
        Pane::Replicas => replicas::draw_inside(canvas, state, area),
        Pane::Log => log::draw_inside(canvas, state, area),
        Pane::Group => group::draw_inside(canvas, state, area),
        Pane::Story => story::draw_inside(canvas, state, area, story::WHO_IN_TAB),
        Pane::Flow => flow::draw(canvas, state, area),
        Pane::StageBrokers => stage_brokers::draw(canvas, state, area),
        Pane::StageConsumers => stage_consumers::draw(canvas, state, area),
        Pane::StageNumbers => stage_numbers::draw(canvas, state, area),
        Pane::Caption => caption::draw(canvas, state, area),
        Pane::Znodes => znodes::draw_inside(canvas, state, area),
        Pane::Sessions => sessions::draw_inside(canvas, state, area),
        Pane::Watches => watches::draw_inside(canvas, state, area),
        Pane::ZooKeeperStory => zookeeper_story::draw_inside(canvas, state, area),
        Pane::Wire => wire::draw_inside(canvas, state, area),
        Pane::Output => output::draw_inside(canvas, state, area),
        Pane::Throughput => throughput::draw_inside(canvas, state, area),
        Pane::Brokers => fleet::draw_inside(canvas, state, area),
        Pane::Partitions => partitions::draw_inside(canvas, state, area),
        Pane::Now => now::draw_inside(canvas, state, area),
        Pane::Quorum => quorum::draw_inside(canvas, state, area),
        Pane::Transactions => transactions::draw_inside(canvas, state, area),
        Pane::Lesson => lesson::draw_inside(canvas, state, area),
        Pane::Order => order::draw_inside(canvas, state, area),
    }
}
