package eventstream

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// typePrefix begins the full name of every type of the upstream.
const typePrefix = "Microsoft.Communication."

// Types that the package acts on.
const (
	typeCallConnected    = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_CONNECTED
	typeCallDisconnected = callgatev1.CallEventType_CALL_EVENT_TYPE_CALL_DISCONNECTED
	typeRecordingState   = callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_STATE_CHANGED
	typeRecordingFiles   = callgatev1.CallEventType_CALL_EVENT_TYPE_RECORDING_FILE_STATUS_UPDATED
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

// detailed are the types that the contract has a detail for, which is named after
// the type.
var detailed = typesWithDetail()

func typesWithDetail() map[callgatev1.CallEventType]bool {
	details := (&callgatev1.CallEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("detail").Fields()
	with := make(map[callgatev1.CallEventType]bool, details.Len())
	for number, name := range callgatev1.CallEventType_name {
		detail := strings.ToLower(strings.TrimPrefix(name, "CALL_EVENT_TYPE_"))
		with[callgatev1.CallEventType(number)] = details.ByName(protoreflect.Name(detail)) != nil
	}
	return with
}

// carriesData tells whether ev, as it is stored, carries the upstream's data object
// even where nobody asked for it: because the contract does not know the type, or
// did not type it in full yet when ev was stored.
func carriesData(ev *callgatev1.CallEvent) bool {
	return ev.GetType() == 0 || detailed[ev.GetType()] && ev.GetDetail() == nil
}
