package emulator

import "strconv"

// The results of media operations. Texts and codes are captured, or the public
// documentation's of the event; the misspelling of mediaCanceled is the service's.

func mediaSucceeded() outcome { return mediaOutcome(200, 0, "Action completed successfully.") }

func mediaCanceled() outcome {
	return mediaOutcome(400, 8508, "Action falied, the operation was cancelled.")
}

func mediaRefused() outcome { return mediaOutcome(400, 8501, "Call is not in Established state.") }

func fileFormatInvalid() outcome {
	return mediaOutcome(400, 8535, "Action failed, file format is invalid.")
}

func fileNotDownloaded() outcome {
	return mediaOutcome(400, 8536, "Action failed, file could not be downloaded.")
}

func promptNotPlayed() outcome {
	return mediaOutcome(500, 8511, "Action failed, encountered failure while trying to play the prompt.")
}

func maxDigitsReceived() outcome {
	return mediaOutcome(200, 8531, "Action completed, max digits received.")
}

func stopToneDetected() outcome {
	return mediaOutcome(200, 8514, "Action completed as stop tone was detected.")
}

func dtmfOptionMatched() outcome {
	return mediaOutcome(200, 8533, "Action completed, DTMF option matched.")
}

func speechOptionMatched() outcome {
	return mediaOutcome(200, 8545, "Action completed, speech option matched.")
}

func initialSilence() outcome {
	return mediaOutcome(400, 8510, "Action failed, initial silence timeout reached.")
}

func interDigitSilence() outcome {
	return mediaOutcome(400, 8532, "Action failed, inter-digit silence timeout reached.")
}

func incorrectTone() outcome {
	return mediaOutcome(400, 8534, "Action failed, incorrect tone detected.")
}

func speechOptionNotMatched() outcome {
	return mediaOutcome(400, 8547, "Action failed, speech option not matched.")
}

func streamURLMissing() outcome {
	return mediaOutcome(400, 8581, "Action failed, StreamUrl isn't valid.")
}

func streamUnreachable() outcome {
	return mediaOutcome(500, 8578, "Action failed, not able to establish WebSocket connection.")
}

// tonesStopped is what the service says of a continuous recognition, even when the
// call goes on.
func tonesStopped() outcome {
	return outcome{code: 200, subCode: 7000, reason: "The conversation has ended"}
}

func mediaOutcome(code, subCode int, text string) outcome {
	return outcome{code: code, subCode: subCode, text: text}
}

// digits are the sub-code's.
func (o outcome) digits() string { return strconv.Itoa(o.subCode) }
