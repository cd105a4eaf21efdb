package emulator

import (
	"fmt"
	"strings"
)

// resultInformation says in an event how something went.
type resultInformation struct {
	Code        int                `json:"code"`
	SubCode     int                `json:"subCode"`
	Message     string             `json:"message"`
	SipDetails  *diagnosticDetails `json:"sipDetails,omitempty"`
	Q850Details *diagnosticDetails `json:"q850Details,omitempty"`
}

type diagnosticDetails struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// outcome is how a call or an operation ended. SIP and Q.850 details belong to
// phone legs only; none was ever captured, so their texts are the standards'.
type outcome struct {
	code, subCode int
	reason        string
	text          string // the whole message, where it is not made from the reason
	rawID         string // of the party it is about; may be empty
	sip, q850     *diagnosticDetails
}

func succeeded() outcome { return outcome{code: 200} }

// endedByAPI, removedFromCall and cancelledInvitation are captured values.

func endedByAPI() outcome {
	return outcome{code: 200, subCode: 7000, reason: "Call was ended by Azure Communication Service Call Automation API or a server bot"}
}

func removedFromCall() outcome {
	return outcome{code: 200, subCode: 5300, reason: "The participant was removed from the call by another participant"}
}

func invitationCancelled() outcome {
	return outcome{code: 200, subCode: 5300, reason: "The conversation has ended"}
}

// hungUp is the far end leaving: 5001 for a user, 560000 for a phone (inferred).
func hungUp(rawID string) outcome {
	if isPhone(rawID) {
		return outcome{code: 200, subCode: 560000, reason: "The other end hung up", rawID: rawID}
	}
	return outcome{code: 200, subCode: 5001, reason: "The other side ended the call", rawID: rawID}
}

func cancelledByCaller() outcome {
	return outcome{code: 487, reason: "The call was cancelled by the caller"}
}

func declined() outcome {
	return outcome{code: 603, reason: "Decline", sip: detail(603, "Decline"), q850: detail(21, "Call rejected")}
}

func busy() outcome {
	return outcome{code: 486, subCode: 560486, reason: "Busy Here", sip: detail(486, "Busy Here"), q850: detail(17, "User busy")}
}

// forbidden is how a caller sees a rejection with that reason (inferred).
func forbidden() outcome {
	return outcome{code: 403, reason: "Forbidden", sip: detail(403, "Forbidden"), q850: detail(21, "Call rejected")}
}

// doesNotExist: the sub-code follows the pattern of 560486 (inferred).
func doesNotExist() outcome {
	return outcome{code: 404, subCode: 560404, reason: "Not Found", sip: detail(404, "Not Found"), q850: detail(1, "Unallocated (unassigned) number")}
}

func notReachable() outcome {
	return outcome{code: 480, subCode: 10037, reason: "Temporarily Unavailable", sip: detail(480, "Temporarily Unavailable"), q850: detail(20, "Subscriber absent")}
}

func requestTimeout() outcome {
	return outcome{code: 408, subCode: 10057, reason: "Request Timeout", sip: detail(408, "Request Timeout"), q850: detail(19, "No answer from user (user alerted)")}
}

// notAnswered is an outbound call that rang out: phones give 408, users 487.
func notAnswered(rawID string) outcome {
	if isPhone(rawID) {
		return requestTimeout()
	}
	return outcome{code: 487, subCode: 10004, reason: "The call timed out while ringing"}
}

func transferAccepted() outcome {
	return outcome{code: 202, subCode: 30, reason: "Call transfer accepted"}
}

func transferRefused() outcome {
	return outcome{code: 403, subCode: 30, reason: "Call transfer failed"}
}

func callGone() outcome {
	return outcome{code: 404, subCode: 8522, reason: "Call not found"}
}

func participantGone() outcome {
	return outcome{code: 404, subCode: 8522, reason: "Participant not found"}
}

func tooLateToCancel() outcome {
	return outcome{code: 400, subCode: 8523, reason: "Invitation could not be cancelled"}
}

func detail(code int, message string) *diagnosticDetails {
	return &diagnosticDetails{Code: code, Message: message}
}

// of is o as the outcome of something about the party rawID.
func (o outcome) of(rawID string) outcome {
	o.rawID = rawID
	return o
}

// information is o as an event tells it. The message ends with a diagnostic code,
// as captured; success has none.
func (o outcome) information() *resultInformation {
	info := &resultInformation{Code: o.code, SubCode: o.subCode, Message: o.message()}
	if isPhone(o.rawID) {
		info.SipDetails, info.Q850Details = o.sip, o.q850
	}
	return info
}

// addFailed is o as the events about an invitation tell it.
func (o outcome) addFailed() *resultInformation {
	info := o.information()
	info.Message = "addParticipants failed for participant " + o.rawID + ". Underlying reason: " + info.Message
	return info
}

func (o outcome) message() string {
	if o.reason == "" {
		return o.text
	}
	code := o.code
	if code == 200 {
		code = 0 // as captured: "DiagCode: 0#7000.@"
	}
	return fmt.Sprintf("%s. DiagCode: %d#%d.@", o.reason, code, o.subCode)
}

func isPhone(rawID string) bool { return strings.HasPrefix(rawID, "4:") }
