package upstream

// CommunicationIdentifierModel names one party: at most one of its nested models
// is set, and kind says which.
type CommunicationIdentifierModel struct {
	Kind               CommunicationIdentifierKind        `json:"kind,omitempty"`
	RawID              string                             `json:"rawId,omitempty"`
	CommunicationUser  *CommunicationUserIdentifierModel  `json:"communicationUser,omitempty"`
	PhoneNumber        *PhoneNumberIdentifierModel        `json:"phoneNumber,omitempty"`
	MicrosoftTeamsUser *MicrosoftTeamsUserIdentifierModel `json:"microsoftTeamsUser,omitempty"`
	MicrosoftTeamsApp  *MicrosoftTeamsAppIdentifierModel  `json:"microsoftTeamsApp,omitempty"`
	TeamsExtensionUser *TeamsExtensionUserIdentifierModel `json:"teamsExtensionUser,omitempty"`
}

// CommunicationIdentifierKind says what a CommunicationIdentifierModel names.
type CommunicationIdentifierKind string

// The kinds of CommunicationIdentifierModel.
const (
	KindUnknown            CommunicationIdentifierKind = "unknown"
	KindCommunicationUser  CommunicationIdentifierKind = "communicationUser"
	KindPhoneNumber        CommunicationIdentifierKind = "phoneNumber"
	KindMicrosoftTeamsUser CommunicationIdentifierKind = "microsoftTeamsUser"
	KindMicrosoftTeamsApp  CommunicationIdentifierKind = "microsoftTeamsApp"
	KindTeamsExtensionUser CommunicationIdentifierKind = "teamsExtensionUser"
)

// CommunicationUserIdentifierModel is an ACS user.
type CommunicationUserIdentifierModel struct {
	ID string `json:"id"`
}

// PhoneNumberIdentifierModel is a phone number.
type PhoneNumberIdentifierModel struct {
	Value       string `json:"value"`
	IsAnonymous *bool  `json:"isAnonymous,omitempty"`
	AssertedID  string `json:"assertedId,omitempty"`
}

// MicrosoftTeamsUserIdentifierModel is a user of Microsoft Teams.
type MicrosoftTeamsUserIdentifierModel struct {
	UserID      string                        `json:"userId"`
	IsAnonymous *bool                         `json:"isAnonymous,omitempty"`
	Cloud       CommunicationCloudEnvironment `json:"cloud,omitempty"`
}

// MicrosoftTeamsAppIdentifierModel is an application in Microsoft Teams.
type MicrosoftTeamsAppIdentifierModel struct {
	AppID string                        `json:"appId"`
	Cloud CommunicationCloudEnvironment `json:"cloud,omitempty"`
}

// TeamsExtensionUserIdentifierModel is a Teams user as an ACS resource that
// extends Teams Phone sees it.
type TeamsExtensionUserIdentifierModel struct {
	UserID     string                        `json:"userId"`
	TenantID   string                        `json:"tenantId"`
	ResourceID string                        `json:"resourceId"`
	Cloud      CommunicationCloudEnvironment `json:"cloud,omitempty"`
}

// CommunicationCloudEnvironment is the cloud that an identity belongs to.
type CommunicationCloudEnvironment string

// The clouds.
const (
	CloudPublic CommunicationCloudEnvironment = "public"
	CloudDOD    CommunicationCloudEnvironment = "dod"
	CloudGCCH   CommunicationCloudEnvironment = "gcch"
)
