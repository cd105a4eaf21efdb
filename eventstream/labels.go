package eventstream

import (
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Labels of metrics are words of the contract, and never what somebody sent.

func actionLabel(a callgatev1.Action) string {
	return strings.ToLower(strings.TrimPrefix(a.String(), "ACTION_"))
}

func statusLabel(s callgatev1.ActionOutcome_Status) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "STATUS_"))
}

func reasonLabel(r callgatev1.StreamGap_Reason) string {
	return strings.ToLower(strings.TrimPrefix(r.String(), "REASON_"))
}

// typeLabel is "other" for a type newer than the contract.
func typeLabel(t callgatev1.CallEventType) string {
	if name, known := typeNames[t]; known {
		return name
	}
	return "other"
}

// endsSomething are the types that endings knows.
var endsSomething = endingTypes()

func endingTypes() map[callgatev1.CallEventType]bool {
	types := map[callgatev1.CallEventType]bool{}
	for _, ways := range endings {
		for _, way := range ways {
			types[way.on] = true
		}
	}
	return types
}
