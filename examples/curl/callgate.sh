# What the examples need of callgate's REST API: source it. Needs curl and jq.
set -euo pipefail
shopt -s inherit_errexit

url=${CALLGATE_URL:-http://127.0.0.1:8080}

# post PATH BODY asks, up to five times: give actions a requestId, so that they happen
# once. What is refused fails with 22, or with 44 if the call is not there (any more).
post() {
	local answer
	answer=$(curl -sS --fail --retry 4 --retry-connrefused --max-time 90 -w '\n%{http_code}' "$url/v1/$1" -d "$2") ||
		return $((${answer##*$'\n'} == 404 ? 44 : 22))
	echo "${answer%$'\n'*}"
}

# name PART... is a requestId that is always the same for the same thing.
name() {
	printf '%s\n' "$@" | sha256sum | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/'
}

# consume REQUEST joins a group and has handle EVENT ATTEMPT deal with each event, those
# of different calls at the same time. What succeeds is acknowledged; what fails comes
# again, until it is a dead letter. A heartbeat comes every 15 s: a stream that is quiet
# for 40 s is dead.
consume() {
	local group line
	group=$(jq -r .group <<<"$1")
	while true; do
		while read -r line; do
			if [[ $line == *'"delivery":'* ]]; then deal "$group" "$line" & fi
		done < <(curl -sSN --fail --speed-limit 1 --speed-time 40 "$url/v1/events:stream" -d "$1")
		sleep 1 # then on, where the group is
	done
}

deal() {
	local group=$1 cursor attempt event status=0
	cursor=$(jq -r '.result | .event.cursor // .gap.toCursor' <<<"$2")
	attempt=$(jq .result.delivery.attempt <<<"$2")
	event=$(jq -c '.result.event // empty' <<<"$2")
	if [[ -n $event ]]; then
		handle "$event" "$attempt" & # by itself, so that it stops at what fails
		wait $! || status=$?
	else
		echo "attempt $attempt: events are missing" && status=1
	fi
	if ((status == 0)); then
		post events:ack "$(jq -n '{$group, cursors: [$cursor]}' --arg group "$group" --arg cursor "$cursor")" >/dev/null
	else
		post events:nack "$(jq -n '{$group, cursors: [$cursor], delay: "\(pow(2; $attempt - 1))s"}' \
			--arg group "$group" --arg cursor "$cursor" --argjson attempt "$attempt")" >/dev/null
	fi
}
