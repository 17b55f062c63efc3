// A cluster for a test: started when asked for, ended with the test however that ends.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const program = process.env.KAFKARIUM ?? "kafkarium";

export async function startCluster(name, ...topics) {
  const options = ["--name", name, "--ephemeral", "--json", "--until-eof"];
  const ports = ["--base-port", "0", "--zookeeper-port", "0"];
  const child = spawn(program, ["up", ...options, ...ports, ...topics.flatMap((topic) => ["--topic", topic])], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const status = JSON.parse(line);
  return {
    brokers: status.bootstrap.split(","),
    exec: (...actions) => execFileSync(program, ["exec", "--name", name, ...actions]),
    wait: (condition) => execFileSync(program, ["wait", "--name", name, condition]),
    close: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}
