//! How a child's lines are heard.

use wire::report::ReportLine;

/// Makes reports of what a process prints.
pub(in crate::supervisor) trait Speech: Send {
    /// What one line says; nothing where it concerns nobody.
    fn hear(&mut self, line: &[u8]) -> Vec<ReportLine>;
}

/// Our own processes: a report is a line of JSON. What else is printed (by a library) concerns nobody.
pub(in crate::supervisor) struct Reports;

impl Speech for Reports {
    fn hear(&mut self, line: &[u8]) -> Vec<ReportLine> {
        serde_json::from_slice(line).into_iter().collect()
    }
}
