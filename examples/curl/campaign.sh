#!/usr/bin/env bash
# Calls people, waits for what becomes of each call, and tells those who answer
# something. docs/tutorials/campaign.md goes through it.
#
#	campaign.sh NAME NUMBER...
. "$(dirname "$0")/callgate.sh"

# reach calls a number and says what came of it. Its requests are named after the
# campaign and the number: run again, it acts on nobody twice, and says the same.
reach() {
	local campaign=$1 number=$2 created outcome call played status=0
	created=$(post calls '{"requestId":"'"$(name "$campaign" "$number" call)"'",
		"targets":[{"phoneNumber":"'"$number"'"}],"sourceCallerIdNumber":"+18005550100"}')
	outcome=$(outcome_of "$created")
	if [[ $(jq -r .status <<<"$outcome") != STATUS_SUCCEEDED ]]; then
		echo "$number $(jq -r .event.result.reason <<<"$outcome")"
		return
	fi

	call=$(jq -r .callConnection.callConnectionId <<<"$created")
	played=$(post "calls/$call/media:play" '{"requestId":"'"$(name "$campaign" "$number" tell)"'",
		"playSources":[{"text":{"text":"The water will be off tomorrow from nine to ten.","voiceName":"en-US-NancyNeural"}}]}') || status=$?
	((status == 0 || status == 44)) || return "$status"
	if ((status == 44)) || [[ $(outcome_of "$played" | jq -r .status) != STATUS_SUCCEEDED ]]; then
		echo "$number HUNG_UP"
		return
	fi
	post "calls/$call:hangUp" '{"requestId":"'"$(name "$campaign" "$number" hang up)"'","forEveryone":true}' >/dev/null
	echo "$number TOLD"
}

# outcome_of waits until an action has ended, for as long as that takes.
outcome_of() {
	local body outcome=
	body=$(jq -c '{receipt, timeout: "60s"}' <<<"$1")
	while [[ -z $outcome ]]; do
		outcome=$(post events:waitForOutcome "$body" | jq -c '.outcome // empty')
	done
	echo "$outcome"
}

campaign=${1:?usage: campaign.sh NAME NUMBER...}
shift
for number in "$@"; do
	while (($(jobs -rp | wc -l) >= 10)); do sleep 0.1; done
	reach "$campaign" "$number" &
	calls+=($!)
done
# If one fails, run it again: whoever was called is not called again.
for pid in "${calls[@]}"; do wait "$pid"; done
