"""Calls people, waits for what becomes of each call, and tells those who answer
something. docs/tutorials/campaign.md goes through it.

    python3 campaign.py NAME NUMBER...
"""

import concurrent.futures
import sys

from callgate import Refused, name, post

CALLER_ID = "+18005550100"
AT_ONCE = 10  # calls
MESSAGE = "The water will be off tomorrow from nine to ten."


def reach(campaign: str, number: str) -> str:
    """Calls a number and says what came of it. Its requests are named after the
    campaign and the number: run again, it acts on nobody twice, and says the same."""
    created = post("calls", {
        "requestId": name(campaign, number, "call"),
        "targets": [{"phoneNumber": number}],
        "sourceCallerIdNumber": CALLER_ID,
    })
    outcome = outcome_of(created["receipt"])
    if outcome["status"] != "STATUS_SUCCEEDED":
        return outcome["event"]["result"].get("reason", "")

    call = created["callConnection"]["callConnectionId"]
    try:
        played = post(f"calls/{call}/media:play", {
            "requestId": name(campaign, number, "tell"),
            "playSources": [{"text": {"text": MESSAGE, "voiceName": "en-US-NancyNeural"}}],
        })
    except Refused as refused:
        if refused.status == 404:
            return "HUNG_UP"
        raise
    if outcome_of(played["receipt"])["status"] != "STATUS_SUCCEEDED":
        return "HUNG_UP"
    post(f"calls/{call}:hangUp", {"requestId": name(campaign, number, "hang up"), "forEveryone": True})
    return "TOLD"


def outcome_of(receipt: dict) -> dict:
    """Waits until an action has ended, for as long as that takes."""
    while True:
        answer = post("events:waitForOutcome", {"receipt": receipt, "timeout": "60s"})
        if "outcome" in answer:
            return answer["outcome"]


if len(sys.argv) < 3:
    sys.exit("usage: campaign.py NAME NUMBER...")
campaign, numbers = sys.argv[1], sys.argv[2:]
with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
    # If it fails, run it again: whoever was called is not called again.
    for number, result in zip(numbers, threads.map(lambda number: reach(campaign, number), numbers)):
        print(number, result, flush=True)
