package eventstream

import (
	"strings"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

// identifierData is a party in the upstream's JSON. At most one of the nested
// members is there; its "kind" member says no more than which.
type identifierData struct {
	RawID              string                  `json:"rawId"`
	CommunicationUser  *namedData              `json:"communicationUser"`
	PhoneNumber        *phoneNumberData        `json:"phoneNumber"`
	MicrosoftTeamsUser *teamsUserData          `json:"microsoftTeamsUser"`
	MicrosoftTeamsApp  *teamsAppData           `json:"microsoftTeamsApp"`
	TeamsExtensionUser *teamsExtensionUserData `json:"teamsExtensionUser"`
}

type phoneNumberData struct {
	Value string `json:"value"`
}

type teamsUserData struct {
	UserID      string `json:"userId"`
	IsAnonymous bool   `json:"isAnonymous"`
	Cloud       string `json:"cloud"`
}

type teamsAppData struct {
	AppID string `json:"appId"`
	Cloud string `json:"cloud"`
}

type teamsExtensionUserData struct {
	UserID     string `json:"userId"`
	TenantID   string `json:"tenantId"`
	ResourceID string `json:"resourceId"`
	Cloud      string `json:"cloud"`
}

// toProto takes the kind from the nested member; where there is none, from the raw
// id. The raw id, where it is missing, is derived from the nested member.
func (d *identifierData) toProto() *callgatev1.CommunicationIdentifier {
	if d == nil {
		return nil
	}
	id := d.nested()
	if id == nil {
		if d.RawID == "" {
			return nil
		}
		return identifier.Parse(d.RawID)
	}
	id.RawId = d.RawID
	id.RawId = identifier.RawID(id)
	return id
}

// nested is the identifier as its nested member has it, nil where it has none.
func (d *identifierData) nested() *callgatev1.CommunicationIdentifier {
	switch {
	case d.CommunicationUser != nil && d.CommunicationUser.ID != "":
		return identifier.User(d.CommunicationUser.ID)
	case d.PhoneNumber != nil && d.PhoneNumber.Value != "":
		return identifier.Phone(d.PhoneNumber.Value)
	case d.MicrosoftTeamsUser != nil:
		return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_MicrosoftTeamsUser{
			MicrosoftTeamsUser: &callgatev1.MicrosoftTeamsUser{
				UserId:      d.MicrosoftTeamsUser.UserID,
				IsAnonymous: d.MicrosoftTeamsUser.IsAnonymous,
				Cloud:       cloudOf(d.MicrosoftTeamsUser.Cloud, d.RawID),
			},
		}}
	case d.MicrosoftTeamsApp != nil:
		return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_MicrosoftTeamsApp{
			MicrosoftTeamsApp: &callgatev1.MicrosoftTeamsApp{
				AppId: d.MicrosoftTeamsApp.AppID,
				Cloud: cloudOf(d.MicrosoftTeamsApp.Cloud, d.RawID),
			},
		}}
	case d.TeamsExtensionUser != nil:
		return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_TeamsExtensionUser{
			TeamsExtensionUser: &callgatev1.TeamsExtensionUser{
				UserId:     d.TeamsExtensionUser.UserID,
				TenantId:   d.TeamsExtensionUser.TenantID,
				ResourceId: d.TeamsExtensionUser.ResourceID,
				Cloud:      cloudOf(d.TeamsExtensionUser.Cloud, d.RawID),
			},
		}}
	}
	return nil
}

// cloudOf reads the name of a cloud, in any case. Where there is none, the raw id
// tells it; where there is no raw id either, it is the public one.
func cloudOf(name, rawID string) callgatev1.CommunicationCloudEnvironment {
	switch {
	case strings.EqualFold(name, "public"):
		return callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC
	case strings.EqualFold(name, "dod"):
		return callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_DOD
	case strings.EqualFold(name, "gcch"):
		return callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_GCCH
	case name != "":
		return callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_UNSPECIFIED
	case rawID == "":
		return callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC
	}
	id := identifier.Parse(rawID)
	switch {
	case id.GetMicrosoftTeamsUser() != nil:
		return id.GetMicrosoftTeamsUser().GetCloud()
	case id.GetMicrosoftTeamsApp() != nil:
		return id.GetMicrosoftTeamsApp().GetCloud()
	}
	return max(id.GetTeamsExtensionUser().GetCloud(), callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC)
}
