package service

import (
	"fmt"
	"strings"

	"github.com/callgate/callgate/access"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// dial is one party that a request calls, by its field, and its place among the
// targets.
type dial struct {
	field string
	place int
	whom  *callgatev1.CommunicationIdentifier
}

// path names the field in an error.
func (d dial) path() string {
	if d.field == "targets" {
		return fmt.Sprintf("targets[%d]", d.place)
	}
	return d.field
}

// dials are all parties that a request calls. Whatever makes a phone ring is here.
func dials(req any) []dial {
	switch r := req.(type) {
	case *callgatev1.CreateCallRequest:
		all := make([]dial, len(r.GetTargets()))
		for i, target := range r.GetTargets() {
			all[i] = dial{field: "targets", place: i, whom: target}
		}
		return all
	case *callgatev1.AddParticipantRequest:
		return []dial{{field: "participant", whom: r.GetParticipant()}}
	case *callgatev1.TransferCallRequest:
		return []dial{{field: "target", whom: r.GetTarget()}}
	case *callgatev1.RedirectCallRequest:
		return []dial{{field: "target", whom: r.GetTarget()}}
	}
	return nil
}

// numbers are the phone numbers that an identifier holds, in either of its forms;
// none for one that is no phone.
func numbers(id *callgatev1.CommunicationIdentifier) []string {
	var found []string
	if raw, is := strings.CutPrefix(id.GetRawId(), "4:"); is {
		found = append(found, raw)
	}
	if id.GetPhoneNumber() != "" {
		found = append(found, id.GetPhoneNumber())
	}
	return found
}

// phones is how many phones a request calls.
func phones(req any) int {
	n := 0
	for _, d := range dials(req) {
		if len(numbers(d.whom)) > 0 {
			n++
		}
	}
	return n
}

// checkDialing tells whether a client may call whom a request calls, and show the
// number that it shows.
func checkDialing(allowed *access.Dialing, req any) error {
	for _, d := range dials(req) {
		for _, number := range numbers(d.whom) {
			if !allowed.MayCall(number) {
				return numberRefused(d.path())
			}
		}
	}
	if r, is := req.(interface{ GetSourceCallerIdNumber() string }); is {
		if shown := r.GetSourceCallerIdNumber(); shown != "" && !allowed.MayShow(shown) {
			return numberRefused("source_caller_id_number")
		}
	}
	return nil
}

func numberRefused(field string) error {
	return &refusal{reason: "NUMBER_NOT_ALLOWED", metadata: map[string]string{"field": field}}
}
