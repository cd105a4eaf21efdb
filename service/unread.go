package service

import (
	"cmp"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// unreadField finds the field in what protojson and grpc-gateway say of a request
// that they can make no message of. They tell it in no other way.
var unreadField = regexp.MustCompile(`unknown field "([^"]+)"|invalid value for \w+ field (\w+)|parsing field "([^"]+)"|parameter: (\w+),`)

// unread is what is wrong with a request of which no message can be made: about a
// field where it is known, and with the line and column where there is one.
func unread(said string) *errdetails.BadRequest_FieldViolation {
	// Which of the blanks follows the prefix differs from build to build.
	wrong := &errdetails.BadRequest_FieldViolation{Description: strings.TrimLeft(strings.TrimPrefix(said, "proto:"), " \u00a0")}
	if found := unreadField.FindStringSubmatch(said); found != nil {
		wrong.Field = cmp.Or(found[1:]...)
	}
	return wrong
}
