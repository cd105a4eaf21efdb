package emulator

import (
	"strings"

	"github.com/callgate/callgate/upstream"
)

// identifier is a party as events name it: always with raw id and kind, in the
// member order of the captures.
type identifier struct {
	RawID              string                                      `json:"rawId"`
	Kind               upstream.CommunicationIdentifierKind        `json:"kind"`
	CommunicationUser  *upstream.CommunicationUserIdentifierModel  `json:"communicationUser,omitempty"`
	PhoneNumber        *upstream.PhoneNumberIdentifierModel        `json:"phoneNumber,omitempty"`
	MicrosoftTeamsUser *upstream.MicrosoftTeamsUserIdentifierModel `json:"microsoftTeamsUser,omitempty"`
	MicrosoftTeamsApp  *upstream.MicrosoftTeamsAppIdentifierModel  `json:"microsoftTeamsApp,omitempty"`
	TeamsExtensionUser *upstream.TeamsExtensionUserIdentifierModel `json:"teamsExtensionUser,omitempty"`
}

func (id identifier) isUser() bool { return id.CommunicationUser != nil }

func (id identifier) model() upstream.CommunicationIdentifierModel {
	return upstream.CommunicationIdentifierModel{
		Kind:               id.Kind,
		RawID:              id.RawID,
		CommunicationUser:  id.CommunicationUser,
		PhoneNumber:        id.PhoneNumber,
		MicrosoftTeamsUser: id.MicrosoftTeamsUser,
		MicrosoftTeamsApp:  id.MicrosoftTeamsApp,
		TeamsExtensionUser: id.TeamsExtensionUser,
	}
}

// identify completes the identifier m that a request names field with. Clients
// may send the kind, the raw id, both or neither beside at most one nested model.
func identify(field string, m *upstream.CommunicationIdentifierModel) (identifier, error) {
	if m == nil {
		return identifier{}, invalid("The " + field + " field is required.")
	}
	id := identifier{
		RawID:             m.RawID,
		CommunicationUser: m.CommunicationUser, PhoneNumber: m.PhoneNumber, MicrosoftTeamsUser: m.MicrosoftTeamsUser,
		MicrosoftTeamsApp: m.MicrosoftTeamsApp, TeamsExtensionUser: m.TeamsExtensionUser,
	}
	nested := 0
	derive := func(present bool, kind upstream.CommunicationIdentifierKind, rawID func() string) {
		if !present {
			return
		}
		nested++
		id.Kind = kind
		if id.RawID == "" {
			id.RawID = rawID()
		}
	}
	derive(m.CommunicationUser != nil, upstream.KindCommunicationUser, func() string { return m.CommunicationUser.ID })
	derive(m.PhoneNumber != nil, upstream.KindPhoneNumber, func() string { return "4:" + m.PhoneNumber.Value })
	derive(m.MicrosoftTeamsUser != nil, upstream.KindMicrosoftTeamsUser, func() string { return teamsUserRawID(m.MicrosoftTeamsUser) })
	derive(m.MicrosoftTeamsApp != nil, upstream.KindMicrosoftTeamsApp, func() string { return teamsAppRawID(m.MicrosoftTeamsApp) })
	derive(m.TeamsExtensionUser != nil, upstream.KindTeamsExtensionUser, func() string { return extensionRawID(m.TeamsExtensionUser) })

	switch {
	case nested > 1:
		return identifier{}, invalid("The " + field + " field names more than one identifier.")
	case nested == 0:
		id = identifierOf(m.RawID)
	}
	if id.RawID == "" || id.Kind == upstream.KindUnknown {
		return identifier{}, invalid("The " + field + " field is not an identifier that can be called.")
	}
	if id.PhoneNumber != nil {
		if !isE164(id.PhoneNumber.Value) {
			return identifier{}, invalid("The " + field + " field is not an E.164 phone number.")
		}
		id.PhoneNumber = &upstream.PhoneNumberIdentifierModel{Value: id.PhoneNumber.Value, AssertedID: id.PhoneNumber.AssertedID}
	}
	return id, nil
}

// identifierOf is the identifier that a raw id spells; kind unknown where it
// spells none.
func identifierOf(rawID string) identifier {
	id := identifier{RawID: rawID, Kind: upstream.KindUnknown}
	if number, ok := strings.CutPrefix(rawID, "4:"); ok && number != "" {
		id.Kind = upstream.KindPhoneNumber
		id.PhoneNumber = &upstream.PhoneNumberIdentifierModel{Value: number}
		if anonymous := true; number == "anonymous" {
			id.PhoneNumber.IsAnonymous = &anonymous
		}
		if i := strings.LastIndexByte(number, '_'); i >= 0 {
			id.PhoneNumber.AssertedID = number[i+1:]
		}
		return id
	}
	parts := strings.Split(rawID, ":")
	if len(parts) != 3 || parts[2] == "" {
		return id
	}
	prefix, rest := parts[0]+":"+parts[1], parts[2]
	switch prefix {
	case "8:acs", "8:dod-acs", "8:gcch-acs":
		if scope := strings.Split(rest, "_"); len(scope) == 3 {
			id.Kind = upstream.KindTeamsExtensionUser
			id.TeamsExtensionUser = &upstream.TeamsExtensionUserIdentifierModel{
				ResourceID: scope[0], TenantID: scope[1], UserID: scope[2], Cloud: cloudOf(prefix),
			}
			return id
		}
		return userIdentifier(rawID)
	case "8:spool":
		return userIdentifier(rawID)
	case "8:orgid", "8:dod", "8:gcch", "8:teamsvisitor":
		id.Kind = upstream.KindMicrosoftTeamsUser
		id.MicrosoftTeamsUser = &upstream.MicrosoftTeamsUserIdentifierModel{UserID: rest, Cloud: cloudOf(prefix)}
		if anonymous := true; prefix == "8:teamsvisitor" {
			id.MicrosoftTeamsUser.IsAnonymous = &anonymous
		}
	case "28:orgid", "28:dod", "28:gcch":
		id.Kind = upstream.KindMicrosoftTeamsApp
		id.MicrosoftTeamsApp = &upstream.MicrosoftTeamsAppIdentifierModel{AppID: rest, Cloud: cloudOf(prefix)}
	}
	return id
}

func userIdentifier(rawID string) identifier {
	return identifier{
		RawID: rawID, Kind: upstream.KindCommunicationUser,
		CommunicationUser: &upstream.CommunicationUserIdentifierModel{ID: rawID},
	}
}

func cloudOf(prefix string) upstream.CommunicationCloudEnvironment {
	switch prefix {
	case "8:dod-acs", "8:dod", "28:dod":
		return upstream.CloudDOD
	case "8:gcch-acs", "8:gcch", "28:gcch":
		return upstream.CloudGCCH
	}
	return upstream.CloudPublic
}

func teamsUserRawID(u *upstream.MicrosoftTeamsUserIdentifierModel) string {
	if u.IsAnonymous != nil && *u.IsAnonymous {
		return "8:teamsvisitor:" + u.UserID
	}
	return "8:" + teamsCloud(u.Cloud) + ":" + u.UserID
}

func teamsAppRawID(a *upstream.MicrosoftTeamsAppIdentifierModel) string {
	return "28:" + teamsCloud(a.Cloud) + ":" + a.AppID
}

func extensionRawID(u *upstream.TeamsExtensionUserIdentifierModel) string {
	prefix := "8:acs:"
	if cloud := teamsCloud(u.Cloud); cloud != "orgid" {
		prefix = "8:" + cloud + "-acs:"
	}
	return prefix + u.ResourceID + "_" + u.TenantID + "_" + u.UserID
}

func teamsCloud(cloud upstream.CommunicationCloudEnvironment) string {
	switch cloud {
	case upstream.CloudDOD, upstream.CloudGCCH:
		return string(cloud)
	}
	return "orgid"
}

// isE164 tells a plus sign and two to fifteen digits that do not start with 0.
func isE164(number string) bool {
	digits, ok := strings.CutPrefix(number, "+")
	return ok && len(digits) >= 2 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
