// A stand-in for the package `testcontainers`: it starts `mock-akool serve`, whatever the image's command would be.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

const healthCheck = {};

export const Wait = { forHealthCheck: () => healthCheck };

export class GenericContainer {
  constructor(image) {
    assert.equal(image, "mock-akool");
  }

  withExposedPorts(...ports) {
    this.exposed = ports;
    return this;
  }

  withEnvironment(variables) {
    this.variables = variables;
    return this;
  }

  withWaitStrategy(strategy) {
    assert.equal(strategy, healthCheck);
    return this;
  }

  async start() {
    const env = { ...process.env, ...this.variables };
    const server = spawn("mock-akool", ["serve", "--port", "0", "--log", "off"], { env, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(server.stdout.setEncoding("utf8"), "data");
    const address = new URL(line.split(" ")[4]);
    return {
      getHost: () => address.hostname,
      getMappedPort: (port) => {
        assert(this.exposed.includes(port));
        return Number(address.port);
      },
      stop: async () => {
        const ended = once(server, "exit");
        server.kill();
        await ended;
      },
    };
  }
}
