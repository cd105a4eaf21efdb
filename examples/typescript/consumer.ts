// Bills the calls of customers: any number of it share the work, and any of them may
// crash at any moment. docs/tutorials/consumer.md goes through it.
//
//	consumer FOLDER
//
// FOLDER/customers has a file for each customer, FOLDER/bills gets one for each call.

import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { consume } from "./callgate.ts";

const folder = process.argv[2];
if (!folder) throw new Error("usage: consumer FOLDER");
await mkdir(join(folder, "bills"), { recursive: true });

// bill writes the bill for a call. Its event may come again, so the bill has the
// event's id for a name, and can be written only once.
async function bill(folder: string, customer: string, id: string): Promise<string> {
  await access(join(folder, "customers", customer)).catch(() => {
    throw new Error(`there is no customer ${customer}`);
  });
  try {
    await writeFile(join(folder, "bills", id), "", { flag: "wx" });
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === "EEXIST") return `has been billed to ${customer}`;
    throw problem;
  }
  return `billed to ${customer}`;
}

console.log("waiting for calls to end");
await consume(
  {
    group: "billing",
    filter: { types: ["CALL_EVENT_TYPE_CALL_DISCONNECTED"] },
    earliest: true, // no call is free because we were late
    maxDeliveries: 3,
  },
  async (event, attempt) => {
    const customer = /^customer-(\w+)$/.exec(event.operationContext ?? "")?.[1];
    if (!customer) return; // nobody pays for it
    console.log(`attempt ${attempt}: ${await bill(folder, customer, event.id)}`);
    if (process.env.CRASH) process.kill(process.pid, "SIGKILL"); // after the work, before it is acknowledged
  },
);
