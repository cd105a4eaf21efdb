package cli

import (
	"errors"
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

// party is somebody as they are written on a command line: a phone number, or any
// raw id.
type party struct {
	id *callgatev1.CommunicationIdentifier
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *party) UnmarshalText(text []byte) error {
	s := string(text)
	switch {
	case strings.HasPrefix(s, "+"):
		p.id = &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_PhoneNumber{PhoneNumber: s}}
	case strings.Contains(s, ":"):
		p.id = &callgatev1.CommunicationIdentifier{RawId: s}
	default:
		return errors.New("must be a phone number such as +14255550123, or a raw id such as 8:acs:ID")
	}
	return nil
}

// rawID is the party as a raw id.
func (p party) rawID() string { return identifier.RawID(p.id) }

func identifiers(parties []party) []*callgatev1.CommunicationIdentifier {
	ids := make([]*callgatev1.CommunicationIdentifier, len(parties))
	for i, p := range parties {
		ids[i] = p.id
	}
	return ids
}

// name is a party in one word: a phone number without the prefix of its raw id.
func name(id *callgatev1.CommunicationIdentifier) string {
	return strings.TrimPrefix(identifier.RawID(id), "4:")
}

func names(ids []*callgatev1.CommunicationIdentifier) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = name(id)
	}
	return strings.Join(all, ", ")
}
