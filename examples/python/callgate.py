"""What the examples need of callgate's REST API, with nothing but the standard library."""

import concurrent.futures
import http.client
import json
import logging
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("CALLGATE_URL", "http://127.0.0.1:8080")
LOST = (OSError, http.client.HTTPException, ValueError)  # the connection, or the rest of an answer
SILENCE = 40  # seconds: a heartbeat comes every 15, so a stream that is quieter is dead

logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)


class Refused(Exception):
    """What the gateway would not do: status is HTTP's, reason the gateway's."""

    def __init__(self, error: urllib.error.HTTPError):
        try:
            answer = json.load(error)
        except ValueError:
            answer = {}
        super().__init__(answer.get("message") or f"HTTP {error.code}")
        self.status = error.code
        self.reason = next((d["reason"] for d in answer.get("details", []) if "reason" in d), "")


def name(*of: str) -> str:
    """A requestId that is always the same for the same thing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(of)))


def post(path: str, body: dict, timeout: float = 90) -> dict:
    """Asks, up to five times: give actions a requestId, so that they happen once."""
    for attempt in range(5):
        try:
            with _open(path, body, timeout) as answer:
                return json.load(answer)
        except Refused as refused:
            if refused.status not in (409, 503) or attempt == 4:  # on its way already; not reachable now
                raise
        except LOST:
            if attempt == 4:
                raise
        time.sleep(2**attempt / 10)
    raise AssertionError("unreachable")


def consume(request: dict, handle) -> None:
    """Joins a group and has handle(event, attempt) deal with each event, those of
    different calls at the same time. What returns is acknowledged; what raises comes
    again, until it is a dead letter."""
    limit = request.setdefault("maxUnacknowledged", 20)
    with concurrent.futures.ThreadPoolExecutor(limit) as threads:
        while True:
            try:
                with _open("events:stream", request, SILENCE) as lines:
                    for line in lines:
                        response = json.loads(line).get("result", {})
                        if "event" in response or "gap" in response:
                            threads.submit(_deal, request["group"], response, handle)
            except Refused as refused:
                if refused.status not in (429, 503):
                    raise
            except LOST:
                pass
            time.sleep(1)  # then on, where the group is


def _deal(group: str, response: dict, handle) -> None:
    cursor = response["event"]["cursor"] if "event" in response else response["gap"]["toCursor"]
    attempt = response["delivery"]["attempt"]
    try:
        try:
            if "gap" in response:
                raise LookupError(f"events are missing: {response['gap']['reason']}")
            handle(response["event"], attempt)
        except Exception as problem:
            logging.info("attempt %d: %s", attempt, problem)
            post("events:nack", {"group": group, "cursors": [cursor], "delay": f"{2 ** (attempt - 1)}s", "note": str(problem)[:1000]})
        else:
            post("events:ack", {"group": group, "cursors": [cursor]})
    except Exception:  # it was not said: the event comes again after ackWait
        logging.exception("not said")


def _open(path: str, body: dict, timeout: float):
    request = urllib.request.Request(f"{URL}/v1/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        raise Refused(error) from None
