#!/usr/bin/env bash
# Answers incoming calls, has the caller press a key, and transfers to the desk behind
# that key. docs/tutorials/ivr.md goes through it.
. "$(dirname "$0")/callgate.sh"

declare -A desks=([1]=8:acs:res_sales [2]=8:acs:res_support)

# serve goes through one call. Every step has a name that is made of the event, so
# that whoever is given the event after a crash goes through the same steps: those that
# were done are answered from memory, the others are done.
serve() {
	local event=$1 id answered call asked key transferred
	id=$(jq -r .id <<<"$event")

	answered=$(post calls:answer "$(jq -c '{$requestId, waitTimeout: "30s",
		incomingCallContext: .incomingCall.incomingCallContext}' --arg requestId "$(name "$id" answer)" <<<"$event")")
	succeeded "$answered" || { say "the caller did not wait"; return; }
	call=$(jq -r .callConnection.callConnectionId <<<"$answered")

	asked=$(post "calls/$call/media:recognize" "$(jq -c '{$requestId, waitTimeout: "60s",
		recognizeInputType: "RECOGNIZE_INPUT_TYPE_DTMF",
		targetParticipant: {rawId: .incomingCall.from.rawId},
		playPrompts: [{text: {text: "Press one for sales, two for support.", voiceName: "en-US-NancyNeural"}}],
		interruptPrompt: true,
		dtmfOptions: {maxTonesToCollect: 1}}' --arg requestId "$(name "$id" ask)" <<<"$event")")
	key=$(jq -r '.receipt.outcome.event.recognizeCompleted.dtmfResult.digits // ""' <<<"$asked")

	if [[ -n $key && -n ${desks[$key]-} ]]; then
		transferred=$(post "calls/$call:transfer" '{"requestId":"'"$(name "$id" transfer)"'","waitTimeout":"60s",
			"target":{"communicationUserId":"'"${desks[$key]}"'"}}')
		succeeded "$transferred" && { say "pressed $key, transferred"; return; }
	fi

	post "calls/$call/media:play" '{"requestId":"'"$(name "$id" goodbye)"'","waitTimeout":"60s",
		"playSources":[{"text":{"text":"Nobody can take your call. Goodbye.","voiceName":"en-US-NancyNeural"}}]}' >/dev/null
	post "calls/$call:hangUp" '{"requestId":"'"$(name "$id" hang up)"'","forEveryone":true}' >/dev/null
	say "pressed \"$key\", said goodbye"
}

say() { echo "call $(jq -r .correlationId <<<"$event"): $1"; }

handle() {
	local status=0
	serve "$1" &
	wait $! || status=$?
	if ((status == 44)); then
		echo "call $(jq -r .correlationId <<<"$1"): the caller hung up"
	else
		return "$status" # if it is not 0, it comes again, to us or to another
	fi
}

succeeded() { jq -e '.receipt.outcome.status == "STATUS_SUCCEEDED"' <<<"$1" >/dev/null; }

echo "waiting for calls"
# ackWait is the longest that a caller is with us.
consume '{"group":"ivr","filter":{"types":["CALL_EVENT_TYPE_INCOMING_CALL"]},"ackWait":"600s"}'
