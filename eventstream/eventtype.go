package eventstream

import (
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// typePrefix begins the full name of every type of the upstream.
const typePrefix = "Microsoft.Communication."

// Types that the package acts on.
const (
	typeCallConnected    = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED
	typeCallDisconnected = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED
)

// typeNames are the upstream's names of those types of the contract that are its
// own, without typePrefix. The enum's names are derived from them, so they are read back.
var typeNames = upstreamTypeNames()

// typesByName finds a type by its upstream name in lower case.
var typesByName = typesByLowerName()

func upstreamTypeNames() map[callgatev1.CallEventType]string {
	names := make(map[callgatev1.CallEventType]string, len(callgatev1.CallEventType_name))
	for number, name := range callgatev1.CallEventType_name {
		if number == 0 || isCommand(callgatev1.CallEventType(number)) {
			continue
		}
		var upstream strings.Builder
		for word := range strings.SplitSeq(strings.TrimPrefix(name, "CALL_EVENT_TYPE_"), "_") {
			upstream.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
		names[callgatev1.CallEventType(number)] = upstream.String()
	}
	return names
}

func typesByLowerName() map[string]callgatev1.CallEventType {
	types := make(map[string]callgatev1.CallEventType, len(typeNames))
	for t, name := range typeNames {
		types[strings.ToLower(typePrefix+name)] = t
	}
	return types
}

// typeOf is the type with the upstream's full name, in any case: the upstream has
// been seen to change the case of enumerations. Unspecified when it is not known.
func typeOf(fullName string) callgatev1.CallEventType {
	return typesByName[strings.ToLower(fullName)]
}

// carriesData tells whether events of type t carry the upstream's data object
// even where nobody asked for it: those whose content the contract does not type,
// which are the unknown ones and those of media and recording.
func carriesData(t callgatev1.CallEventType) bool {
	switch t {
	case callgatev1.CallEventType_CALL_EVENT_TYPE_UNSPECIFIED,
		callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_FILE_STATUS_UPDATED:
		return true
	}
	return t >= callgatev1.CallEventType_CALL_EVENT_TYPE_PLAY_STARTED &&
		t <= callgatev1.CallEventType_CALL_EVENT_TYPE_START_RECORDING_FAILED
}
