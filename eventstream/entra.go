package eventstream

import "time"

const (
	// EntraAuthority is where Entra ID of the public cloud is.
	EntraAuthority = "https://login.microsoftonline.com"
	// EventGridApplication is Event Grid itself, as an application of Entra ID: the
	// same in every tenant.
	EventGridApplication = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
)

// EntraOptions are the settings of a Verifier for the tokens that Event Grid asks
// of Entra ID when a webhook is protected by it: made for tenant, a GUID, and
// meant for one of audiences, the webhook's application by its id or its URI, in
// either version of tokens.
func EntraOptions(authority, tenant string, audiences []string, skew time.Duration) VerifierOptions {
	issuer := authority + "/" + tenant + "/v2.0"
	return VerifierOptions{
		ConfigURL:    issuer + "/.well-known/openid-configuration",
		Issuer:       issuer,
		OtherIssuers: []string{"https://sts.windows.net/" + tenant + "/"}, // of tokens of version 1
		Audiences:    audiences,
		Application:  EventGridApplication,
		Skew:         skew,
	}
}
