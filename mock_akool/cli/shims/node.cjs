// Lets every Node of `mock-akool exec` connect to the fake when it means Akool's hosts. Node loads it at its start.
"use strict";

const net = require("node:net");

const [address, hosts = ""] = (process.env.MOCK_AKOOL_REDIRECT || "").split(" ");
const colon = address.lastIndexOf(":");
const fake = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
const names = new Set(hosts.split(",").filter(Boolean));

function isRedirected(host, port) {
  if (typeof host !== "string" || ![80, 443].includes(Number(port))) return false;
  return names.has(host.toLowerCase().replace(/\.$/, ""));
}

if (names.size && fake.port) {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    const [first, second] = given;
    if (Array.isArray(first)) {
      // Node's own modules call it with arguments that are in order already.
      if (first[0] && isRedirected(first[0].host, first[0].port)) first[0] = { ...first[0], ...fake };
    } else if (first !== null && typeof first === "object") {
      if (isRedirected(first.host, first.port)) given[0] = { ...first, ...fake };
    } else if (isRedirected(second, first)) {
      given[0] = fake.port;
      given[1] = fake.host;
    }
    return connect.apply(this, given);
  };
}
