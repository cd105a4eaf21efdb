"""Bills the calls of customers: any number of it share the work, and any of them may
crash at any moment. docs/tutorials/consumer.md goes through it.

    python3 consumer.py FOLDER

FOLDER/customers has a file for each customer, FOLDER/bills gets one for each call.
"""

import logging
import os
import pathlib
import re
import signal
import sys

from callgate import consume

if len(sys.argv) != 2:
    sys.exit("usage: consumer.py FOLDER")
folder = pathlib.Path(sys.argv[1])
(folder / "bills").mkdir(exist_ok=True)


def bill(customer: str, event_id: str) -> str:
    """Writes the bill for a call. Its event may come again, so the bill has the
    event's id for a name, and can be written only once."""
    if not (folder / "customers" / customer).exists():
        raise LookupError(f"there is no customer {customer}")
    try:
        (folder / "bills" / event_id).touch(exist_ok=False)
    except FileExistsError:
        return f"has been billed to {customer}"
    return f"billed to {customer}"


def handle(event: dict, attempt: int) -> None:
    customer = re.fullmatch(r"customer-(\w+)", event.get("operationContext", ""))
    if not customer:
        return  # nobody pays for it
    logging.info("attempt %d: %s", attempt, bill(customer[1], event["id"]))
    if "CRASH" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)  # after the work, before it is acknowledged


logging.info("waiting for calls to end")
consume({
    "group": "billing",
    "filter": {"types": ["CALL_EVENT_TYPE_CALL_DISCONNECTED"]},
    "earliest": True,  # no call is free because we were late
    "maxDeliveries": 3,
}, handle)
