package identifier_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
	"github.com/callgate/callgate/identifier"
)

func teamsUser(id string, anonymous bool, cloud callgatev1.CommunicationCloudEnvironment) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_MicrosoftTeamsUser{
		MicrosoftTeamsUser: &callgatev1.MicrosoftTeamsUser{UserId: id, IsAnonymous: anonymous, Cloud: cloud},
	}}
}

func teamsApp(id string, cloud callgatev1.CommunicationCloudEnvironment) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_MicrosoftTeamsApp{
		MicrosoftTeamsApp: &callgatev1.MicrosoftTeamsApp{AppId: id, Cloud: cloud},
	}}
}

func extension(resource, tenant, user string, cloud callgatev1.CommunicationCloudEnvironment) *callgatev1.CommunicationIdentifier {
	return &callgatev1.CommunicationIdentifier{Kind: &callgatev1.CommunicationIdentifier_TeamsExtensionUser{
		TeamsExtensionUser: &callgatev1.TeamsExtensionUser{ResourceId: resource, TenantId: tenant, UserId: user, Cloud: cloud},
	}}
}

func TestParse(t *testing.T) {
	const (
		public = callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_PUBLIC
		dod    = callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_DOD
		gcch   = callgatev1.CommunicationCloudEnvironment_COMMUNICATION_CLOUD_ENVIRONMENT_GCCH
	)
	for _, tc := range []struct {
		name, rawID string
		want        *callgatev1.CommunicationIdentifier
	}{
		{"phone number", "4:+14255550123", identifier.Phone("+14255550123")},
		{"asserted phone number stays whole", "4:+14255550123_a1b2", identifier.Phone("+14255550123_a1b2")},
		{"hidden caller", "4:anonymous", identifier.Phone("anonymous")},
		{"ACS user", "8:acs:res_user", identifier.User("8:acs:res_user")},
		{"ACS user without a resource", "8:acs:user", identifier.User("8:acs:user")},
		{"ACS user of four parts", "8:acs:a_b_c_d", identifier.User("8:acs:a_b_c_d")},
		{"ACS user in dod", "8:dod-acs:res_user", identifier.User("8:dod-acs:res_user")},
		{"ACS user in gcch", "8:gcch-acs:res_user", identifier.User("8:gcch-acs:res_user")},
		{"Skype for Business user", "8:spool:res_user", identifier.User("8:spool:res_user")},
		{"Teams extension user", "8:acs:res_tenant_user", extension("res", "tenant", "user", public)},
		{"Teams extension user in dod", "8:dod-acs:res_tenant_user", extension("res", "tenant", "user", dod)},
		{"Teams extension user in gcch", "8:gcch-acs:res_tenant_user", extension("res", "tenant", "user", gcch)},
		{"Teams user", "8:orgid:u1", teamsUser("u1", false, public)},
		{"Teams user in dod", "8:dod:u1", teamsUser("u1", false, dod)},
		{"Teams user in gcch", "8:gcch:u1", teamsUser("u1", false, gcch)},
		{"Teams visitor", "8:teamsvisitor:u1", teamsUser("u1", true, public)},
		{"Teams app", "28:orgid:a1", teamsApp("a1", public)},
		{"Teams app in dod", "28:dod:a1", teamsApp("a1", dod)},
		{"Teams app in gcch", "28:gcch:a1", teamsApp("a1", gcch)},
		{"bot without a scope is unknown", "28:a1", &callgatev1.CommunicationIdentifier{}},
		{"unknown scope", "8:other:x", &callgatev1.CommunicationIdentifier{}},
		{"more than three parts", "8:acs:a:b", &callgatev1.CommunicationIdentifier{}},
		{"nothing behind the prefix", "8:acs:", &callgatev1.CommunicationIdentifier{}},
		{"free text", "sanitized", &callgatev1.CommunicationIdentifier{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := identifier.Parse(tc.rawID)
			if got.GetRawId() != tc.rawID {
				t.Errorf("raw_id = %q, want it unchanged: %q", got.GetRawId(), tc.rawID)
			}
			tc.want.RawId = tc.rawID
			if !proto.Equal(got, tc.want) {
				t.Errorf("Parse(%q) = %v, want %v", tc.rawID, got, tc.want)
			}
			if got.GetKind() == nil {
				return
			}
			kindOnly := &callgatev1.CommunicationIdentifier{Kind: got.GetKind()}
			if back := identifier.RawID(kindOnly); back != tc.rawID {
				t.Errorf("RawID of the kind alone = %q, want %q", back, tc.rawID)
			}
		})
	}
}

func TestRawIDPrefersItsOwn(t *testing.T) {
	id := identifier.Phone("+14255550123")
	id.RawId = "4:+14255550123_asserted"
	if got := identifier.RawID(id); got != "4:+14255550123_asserted" {
		t.Errorf("RawID = %q", got)
	}
	if got := identifier.RawID(nil); got != "" {
		t.Errorf("RawID(nil) = %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"4:+14255550123", "8:acs:a_b_c", "28:orgid:x", "", ":::", "8:orgid:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rawID string) {
		id := identifier.Parse(rawID)
		if rawID != "" && identifier.RawID(id) != rawID {
			t.Errorf("RawID(Parse(%q)) = %q", rawID, identifier.RawID(id))
		}
	})
}
