"""Answers incoming calls, has the caller press a key, and transfers to the desk
behind that key. docs/tutorials/ivr.md goes through it."""

import logging

from callgate import Refused, consume, name, post

DESKS = {"1": "8:acs:res_sales", "2": "8:acs:res_support"}


def serve(event: dict) -> str:
    """Goes through one call. Every step has a name that is made of the event, so that
    whoever is given the event after a crash goes through the same steps: those that
    were done are answered from memory, the others are done."""
    incoming = event["incomingCall"]
    answered = post("calls:answer", {
        "requestId": name(event["id"], "answer"),
        "incomingCallContext": incoming["incomingCallContext"],
        "waitTimeout": "30s",
    })
    if not succeeded(answered):
        return "the caller did not wait"
    call = answered["callConnection"]["callConnectionId"]

    asked = post(f"calls/{call}/media:recognize", {
        "requestId": name(event["id"], "ask"),
        "recognizeInputType": "RECOGNIZE_INPUT_TYPE_DTMF",
        "targetParticipant": {"rawId": incoming["from"]["rawId"]},
        "playPrompts": speech("Press one for sales, two for support."),
        "interruptPrompt": True,
        "dtmfOptions": {"maxTonesToCollect": 1},
        "waitTimeout": "60s",
    })
    key = asked["receipt"]["outcome"]["event"]["recognizeCompleted"]["dtmfResult"]["digits"] if succeeded(asked) else ""

    if key in DESKS:
        transferred = post(f"calls/{call}:transfer", {
            "requestId": name(event["id"], "transfer"),
            "target": {"communicationUserId": DESKS[key]},
            "waitTimeout": "60s",
        })
        if succeeded(transferred):
            return f"pressed {key}, transferred"

    post(f"calls/{call}/media:play", {
        "requestId": name(event["id"], "goodbye"),
        "playSources": speech("Nobody can take your call. Goodbye."),
        "waitTimeout": "60s",
    })
    post(f"calls/{call}:hangUp", {"requestId": name(event["id"], "hang up"), "forEveryone": True})
    return f'pressed "{key}", said goodbye'


def succeeded(answer: dict) -> bool:
    return answer["receipt"].get("outcome", {}).get("status") == "STATUS_SUCCEEDED"


def speech(text: str) -> list:
    return [{"text": {"text": text, "voiceName": "en-US-NancyNeural"}}]


def handle(event: dict, attempt: int) -> None:
    try:
        said = serve(event)
    except Refused as refused:
        if refused.status != 404:
            raise  # it comes again, to us or to another
        said = "the caller hung up"
    logging.info("call %s: %s", event["correlationId"], said)


logging.info("waiting for calls")
consume({
    "group": "ivr",
    "filter": {"types": ["CALL_EVENT_TYPE_INCOMING_CALL"]},
    "ackWait": "600s",  # the longest that a caller is with us
}, handle)
