package cli

import callgatev1 "github.com/callgate/callgate/gen/callgate/v1"

// headerFlags are what travels with an invitation or a transfer.
type headerFlags struct {
	SIPHeader  map[string]string `name:"sip-header" mapsep:"none" placeholder:"NAME=VALUE" help:"Header that a phone gets: User-To-User, or one that begins with X-."`
	VoIPHeader map[string]string `name:"voip-header" mapsep:"none" placeholder:"NAME=VALUE" help:"Header that a user gets."`
}

func (f *headerFlags) callingContext() *callgatev1.CustomCallingContext {
	if len(f.SIPHeader) == 0 && len(f.VoIPHeader) == 0 {
		return nil
	}
	return &callgatev1.CustomCallingContext{SipHeaders: f.SIPHeader, VoipHeaders: f.VoIPHeader}
}
