package service

import (
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
	"github.com/callgate/callgate/upstream"
)

// identifierToUpstream gives the upstream both the raw id and the kind, as the
// official SDKs do. An identifier that has only its raw id is given its kind.
func identifierToUpstream(id *callgatev1.CommunicationIdentifier) *upstream.CommunicationIdentifierModel {
	if id == nil {
		return nil
	}
	rawID := identifier.RawID(id)
	kind := id.GetKind()
	if kind == nil {
		kind = identifier.Parse(rawID).GetKind()
	}
	model := &upstream.CommunicationIdentifierModel{RawID: rawID}
	switch kind := kind.(type) {
	case *callgatev1.CommunicationIdentifier_CommunicationUserId:
		model.Kind = upstream.KindCommunicationUser
		model.CommunicationUser = &upstream.CommunicationUserIdentifierModel{ID: kind.CommunicationUserId}
	case *callgatev1.CommunicationIdentifier_PhoneNumber:
		model.Kind = upstream.KindPhoneNumber
		model.PhoneNumber = &upstream.PhoneNumberIdentifierModel{Value: kind.PhoneNumber}
	case *callgatev1.CommunicationIdentifier_MicrosoftTeamsUser:
		user := kind.MicrosoftTeamsUser
		model.Kind = upstream.KindMicrosoftTeamsUser
		model.MicrosoftTeamsUser = &upstream.MicrosoftTeamsUserIdentifierModel{
			UserID: user.GetUserId(), Cloud: cloudToUpstream[user.GetCloud()], IsAnonymous: trueOrAbsent(user.GetIsAnonymous()),
		}
	case *callgatev1.CommunicationIdentifier_MicrosoftTeamsApp:
		model.Kind = upstream.KindMicrosoftTeamsApp
		model.MicrosoftTeamsApp = teamsAppToUpstream(kind.MicrosoftTeamsApp)
	case *callgatev1.CommunicationIdentifier_TeamsExtensionUser:
		user := kind.TeamsExtensionUser
		model.Kind = upstream.KindTeamsExtensionUser
		model.TeamsExtensionUser = &upstream.TeamsExtensionUserIdentifierModel{
			UserID: user.GetUserId(), TenantID: user.GetTenantId(), ResourceID: user.GetResourceId(), Cloud: cloudToUpstream[user.GetCloud()],
		}
	default:
		model.Kind = upstream.KindUnknown
	}
	return model
}

func identifiersToUpstream(ids []*callgatev1.CommunicationIdentifier) []upstream.CommunicationIdentifierModel {
	models := make([]upstream.CommunicationIdentifierModel, 0, len(ids))
	for _, id := range ids {
		models = append(models, *identifierToUpstream(id))
	}
	return models
}

// userToUpstream writes an identifier that the contract allows to be an ACS user
// only.
func userToUpstream(id *callgatev1.CommunicationIdentifier) *upstream.CommunicationUserIdentifierModel {
	if id == nil {
		return nil
	}
	return &upstream.CommunicationUserIdentifierModel{ID: identifier.RawID(id)}
}

func phoneToUpstream(number string) *upstream.PhoneNumberIdentifierModel {
	if number == "" {
		return nil
	}
	return &upstream.PhoneNumberIdentifierModel{Value: number}
}

func teamsAppToUpstream(app *callgatev1.MicrosoftTeamsApp) *upstream.MicrosoftTeamsAppIdentifierModel {
	if app == nil {
		return nil
	}
	return &upstream.MicrosoftTeamsAppIdentifierModel{AppID: app.GetAppId(), Cloud: cloudToUpstream[app.GetCloud()]}
}

// identifierFromUpstream goes by the nested model, which says more than the raw
// id can (a guest, a cloud); where there is none, by the raw id.
func identifierFromUpstream(model *upstream.CommunicationIdentifierModel) *callgatev1.CommunicationIdentifier {
	if model == nil {
		return nil
	}
	id := &callgatev1.CommunicationIdentifier{RawId: model.RawID}
	switch {
	case model.CommunicationUser != nil:
		id.Kind = &callgatev1.CommunicationIdentifier_CommunicationUserId{CommunicationUserId: model.CommunicationUser.ID}
	case model.PhoneNumber != nil:
		id.Kind = &callgatev1.CommunicationIdentifier_PhoneNumber{PhoneNumber: model.PhoneNumber.Value}
	case model.MicrosoftTeamsUser != nil:
		user := model.MicrosoftTeamsUser
		id.Kind = &callgatev1.CommunicationIdentifier_MicrosoftTeamsUser{MicrosoftTeamsUser: &callgatev1.MicrosoftTeamsUser{
			UserId: user.UserID, Cloud: cloudFromUpstream(user.Cloud), IsAnonymous: user.IsAnonymous != nil && *user.IsAnonymous,
		}}
	case model.MicrosoftTeamsApp != nil:
		id.Kind = &callgatev1.CommunicationIdentifier_MicrosoftTeamsApp{MicrosoftTeamsApp: &callgatev1.MicrosoftTeamsApp{
			AppId: model.MicrosoftTeamsApp.AppID, Cloud: cloudFromUpstream(model.MicrosoftTeamsApp.Cloud),
		}}
	case model.TeamsExtensionUser != nil:
		user := model.TeamsExtensionUser
		id.Kind = &callgatev1.CommunicationIdentifier_TeamsExtensionUser{TeamsExtensionUser: &callgatev1.TeamsExtensionUser{
			UserId: user.UserID, TenantId: user.TenantID, ResourceId: user.ResourceID, Cloud: cloudFromUpstream(user.Cloud),
		}}
	default:
		return identifier.Parse(model.RawID)
	}
	id.RawId = identifier.RawID(id)
	return id
}

func identifiersFromUpstream(models []upstream.CommunicationIdentifierModel) []*callgatev1.CommunicationIdentifier {
	ids := make([]*callgatev1.CommunicationIdentifier, 0, len(models))
	for i := range models {
		ids = append(ids, identifierFromUpstream(&models[i]))
	}
	return ids
}

func userFromUpstream(model *upstream.CommunicationUserIdentifierModel) *callgatev1.CommunicationIdentifier {
	if model == nil {
		return nil
	}
	return identifier.User(model.ID)
}

// cloudToUpstream has no entry for an unspecified cloud: it stays absent.
var cloudToUpstream = map[callgatev1.CommunicationCloudEnvironment]upstream.CommunicationCloudEnvironment{
	callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC: upstream.CloudPublic,
	callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_DOD:    upstream.CloudDOD,
	callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_GCCH:   upstream.CloudGCCH,
}

func cloudFromUpstream(cloud upstream.CommunicationCloudEnvironment) callgatev1.CommunicationCloudEnvironment {
	for ours, theirs := range cloudToUpstream {
		if theirs == cloud {
			return ours
		}
	}
	return callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_UNSPECIFIED
}

// trueOrAbsent leaves an optional flag out where it says nothing.
func trueOrAbsent(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}
