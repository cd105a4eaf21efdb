#!/usr/bin/env bash
# Bills the calls of customers: any number of it share the work, and any of them may
# crash at any moment. docs/tutorials/consumer.md goes through it.
#
#	consumer.sh FOLDER
#
# FOLDER/customers has a file for each customer, FOLDER/bills gets one for each call.
. "$(dirname "$0")/callgate.sh"

folder=${1:?usage: consumer.sh FOLDER}
mkdir -p "$folder/bills"

# handle writes the bill for a call. Its event may come again, so the bill has the
# event's id for a name, and can be written only once.
handle() {
	local customer
	customer=$(jq -r '.operationContext // "" | capture("^customer-(?<name>\\w+)$").name' <<<"$1")
	[[ -n $customer ]] || return 0 # nobody pays for it
	if [[ ! -e $folder/customers/$customer ]]; then
		echo "attempt $2: there is no customer $customer"
		return 1
	fi
	if (set -o noclobber && : >"$folder/bills/$(jq -r .id <<<"$1")") 2>/dev/null; then
		echo "attempt $2: billed to $customer"
	else
		echo "attempt $2: has been billed to $customer"
	fi
	if [[ -n ${CRASH-} ]]; then
		kill -KILL 0 # after the work, before it is acknowledged
	fi
}

echo "waiting for calls to end"
# From the earliest event on: no call is free because we were late.
consume '{"group":"billing","filter":{"types":["CALL_EVENT_TYPE_CALL_DISCONNECTED"]},"earliest":true,"maxDeliveries":3}'
