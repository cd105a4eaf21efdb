package eventstream

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// words finds the values of an enum of the contract by the upstream's words for
// them, in lower case: the upstream has been seen to write one word in two ways.
type words[E protoreflect.Enum] map[string]E

// wordsOf reads them off the enum's own names, which are made of the upstream's:
// TRANSCRIPTION_STATUS_DETAILS_SERVICE_SHUTDOWN is "serviceShutdown".
func wordsOf[E interface {
	~int32
	protoreflect.Enum
}]() words[E] {
	var zero E
	values := zero.Descriptor().Values()
	prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
	found := make(words[E], values.Len())
	for i := range values.Len() {
		if value := values.Get(i); value.Number() != 0 {
			word := strings.ReplaceAll(strings.TrimPrefix(string(value.Name()), prefix), "_", "")
			found[strings.ToLower(word)] = E(value.Number())
		}
	}
	return found
}

// of is unspecified for a word that is newer than the contract.
func (w words[E]) of(word string) E { return w[strings.ToLower(word)] }
