// Package identifier holds the rules by which the upstream writes a party in one
// string, its raw id, and reads it back.
//
// The rules are those of the official SDKs (@azure/communication-common,
// identifierModels): every raw id has a kind, and every kind but the unknown one
// can be written as a raw id.
package identifier

import (
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

const (
	public = callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC
	dod    = callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_DOD
	gcch   = callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_GCCH
)

// scopes are the raw id prefixes of three parts, "type:scope:id".
var scopes = map[string]func(rawID, id string) *callgatev1.CommunicationIdentifier{
	"8:acs":          acsUser(public),
	"8:dod-acs":      acsUser(dod),
	"8:gcch-acs":     acsUser(gcch),
	"8:spool":        func(rawID, _ string) *callgatev1.CommunicationIdentifier { return User(rawID) },
	"8:orgid":        teamsUser(public, false),
	"8:dod":          teamsUser(dod, false),
	"8:gcch":         teamsUser(gcch, false),
	"8:teamsvisitor": teamsUser(public, true),
	"28:orgid":       teamsApp(public),
	"28:dod":         teamsApp(dod),
	"28:gcch":        teamsApp(gcch),
}

// Parse derives the kind of a raw id. A raw id of no known kind keeps its raw_id
// and has no kind.
func Parse(rawID string) *callgatev1.CommunicationIdentifier {
	if number, isPhone := strings.CutPrefix(rawID, "4:"); isPhone {
		return Phone(number)
	}
	kind, scope, id := cut3(rawID)
	if parse, known := scopes[kind+":"+scope]; known && id != "" && !strings.Contains(id, ":") {
		return parse(rawID, id)
	}
	return &callgatev1.CommunicationIdentifier{RawId: rawID}
}

// RawID is the identifier in one string: its own raw_id where it has one, else
// the one that its kind is written as; empty for neither.
func RawID(id *callgatev1.CommunicationIdentifier) string {
	if id.GetRawId() != "" {
		return id.GetRawId()
	}
	switch kind := id.GetKind().(type) {
	case *callgatev1.CommunicationIdentifier_CommunicationUserId:
		return kind.CommunicationUserId
	case *callgatev1.CommunicationIdentifier_PhoneNumber:
		return "4:" + kind.PhoneNumber
	case *callgatev1.CommunicationIdentifier_MicrosoftTeamsUser:
		user := kind.MicrosoftTeamsUser
		if user.GetIsAnonymous() {
			return "8:teamsvisitor:" + user.GetUserId()
		}
		return "8:" + teamsScope(user.GetCloud()) + ":" + user.GetUserId()
	case *callgatev1.CommunicationIdentifier_MicrosoftTeamsApp:
		return "28:" + teamsScope(kind.MicrosoftTeamsApp.GetCloud()) + ":" + kind.MicrosoftTeamsApp.GetAppId()
	case *callgatev1.CommunicationIdentifier_TeamsExtensionUser:
		user := kind.TeamsExtensionUser
		return "8:" + acsScope(user.GetCloud()) + ":" + user.GetResourceId() + "_" + user.GetTenantId() + "_" + user.GetUserId()
	}
	return ""
}

// Phone is the identifier of a phone number as a raw id has it behind "4:".
func Phone(number string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{
		RawId: "4:" + number,
		Kind:  &callgatev1.CommunicationIdentifier_PhoneNumber{PhoneNumber: number},
	}
}

// User is the identifier of an ACS user, whose id is its raw id.
func User(id string) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{
		RawId: id,
		Kind:  &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: id},
	}
}

// acsUser reads "resource_user"; three parts, "resource_tenant_user", are a
// Teams extension user.
func acsUser(cloud callgatev1.CommunicationCloudEnvironment) func(rawID, id string) *callgatev1.CommunicationIdentifier {
	return func(rawID, id string) *callgatev1.CommunicationIdentifier {
		parts := strings.Split(id, "_")
		if len(parts) != 3 {
			return User(rawID)
		}
		return &callgatev1.CommunicationIdentifier{
			RawId: rawID,
			Kind: &callgatev1.CommunicationIdentifier_TeamsExtensionUser{TeamsExtensionUser: &callgatev1.TeamsExtensionUser{
				ResourceId: parts[0], TenantId: parts[1], UserId: parts[2], Cloud: cloud,
			}},
		}
	}
}

func teamsUser(cloud callgatev1.CommunicationCloudEnvironment, anonymous bool) func(rawID, id string) *callgatev1.CommunicationIdentifier {
	return func(rawID, id string) *callgatev1.CommunicationIdentifier {
		return &callgatev1.CommunicationIdentifier{
			RawId: rawID,
			Kind: &callgatev1.CommunicationIdentifier_MicrosoftTeamsUser{MicrosoftTeamsUser: &callgatev1.MicrosoftTeamsUser{
				UserId: id, Cloud: cloud, IsAnonymous: anonymous,
			}},
		}
	}
}

func teamsApp(cloud callgatev1.CommunicationCloudEnvironment) func(rawID, id string) *callgatev1.CommunicationIdentifier {
	return func(rawID, id string) *callgatev1.CommunicationIdentifier {
		return &callgatev1.CommunicationIdentifier{
			RawId: rawID,
			Kind: &callgatev1.CommunicationIdentifier_MicrosoftTeamsApp{MicrosoftTeamsApp: &callgatev1.MicrosoftTeamsApp{
				AppId: id, Cloud: cloud,
			}},
		}
	}
}

func teamsScope(cloud callgatev1.CommunicationCloudEnvironment) string {
	switch cloud {
	case dod:
		return "dod"
	case gcch:
		return "gcch"
	default:
		return "orgid"
	}
}

func acsScope(cloud callgatev1.CommunicationCloudEnvironment) string {
	switch cloud {
	case dod:
		return "dod-acs"
	case gcch:
		return "gcch-acs"
	default:
		return "acs"
	}
}

// cut3 splits "a:b:c" behind its second colon at the latest.
func cut3(s string) (first, second, rest string) {
	first, s, _ = strings.Cut(s, ":")
	second, rest, _ = strings.Cut(s, ":")
	return first, second, rest
}
