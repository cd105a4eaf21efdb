package eventstream

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// subjectPrefix begins the subject of every event:
// callgate.events.<call connection>.<type>; of a command
// callgate.events.<call connection>.command.<type>. What tells of a recording's
// files has the recording in the place of the call connection, by which it is
// found again.
const subjectPrefix = "callgate.events."

// maxToken bounds one encoded part of a subject, in bytes. ACS ids have 36
// characters; the bound is for what is not one.
const maxToken = 128

// noCall stands for the call connection of events that have none.
const noCall = "_"

// subjectOf is the subject that ev is stored under.
func subjectOf(ev *callgatev1.CallEvent) string {
	if recordingID := ev.GetRecordingFileStatusUpdated().GetRecordingId(); recordingID != "" {
		return recordingFilesSubject(recordingID)
	}
	call := subjectPrefix + callToken(ev.GetCallConnectionId())
	if command, is := commandNames[ev.GetType()]; is {
		return call + ".command." + command
	}
	return call + "." + typeToken(ev.GetType(), ev.GetTypeName())
}

// callSubject matches every event of one call connection, with or without commands.
func callSubject(callConnectionID string, commands bool) string {
	call := subjectPrefix + callToken(callConnectionID)
	if commands {
		return call + ".>"
	}
	return call + ".*"
}

// callTypeSubject matches the events of one known type of one call connection.
func callTypeSubject(callConnectionID string, t callgatev1.CallEventType) string {
	return subjectPrefix + callToken(callConnectionID) + "." + typeToken(t, "")
}

// recordingFilesSubject matches what tells of the files of one recording. No call
// connection's token looks like its own: "=r" is no escape.
func recordingFilesSubject(recordingID string) string {
	return subjectPrefix + "=r" + encodeToken(recordingID) + "." + typeToken(typeRecordingFiles, "")
}

func callToken(callConnectionID string) string {
	if callConnectionID == "" {
		return noCall
	}
	return encodeToken(callConnectionID)
}

// typeToken is the short name of a known type; "=t" and the encoded full name of
// any other.
func typeToken(t callgatev1.CallEventType, typeName string) string {
	if short, known := typeNames[t]; known {
		return short
	}
	return "=t" + encodeToken(typeName)
}

// encodeToken makes one subject token of foreign text. Letters, digits, "-" and
// "_" stay; every other byte becomes "=" and two hexadecimal digits, as does a
// "_" that stands alone, which means no call. What grows beyond maxToken becomes
// "=h" and a hash. No two texts become the same token.
func encodeToken(s string) string {
	if s == noCall {
		return "=5F"
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.WriteByte('=')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	if b.Len() > maxToken {
		sum := sha256.Sum256([]byte(s))
		return "=h" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return b.String()
}
