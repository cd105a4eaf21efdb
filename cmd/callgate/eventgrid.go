package main

import (
	"fmt"

	"github.com/callgate/callgate/eventstream"
)

// eventgridURLCmd prints the address for an Event Grid subscription.
type eventgridURLCmd struct {
	Config
}

// Run prints it.
func (c *eventgridURLCmd) Run(p process) error {
	if err := c.readSecrets(p.getenv); err != nil {
		return err
	}
	if err := c.validate(); err != nil {
		return err
	}
	if c.CallbackBaseURL == "" {
		return fmt.Errorf("--callback-base-url says under which address Event Grid reaches this gateway")
	}
	if c.DataDir == memory && !c.callbackKey.Given() {
		return fmt.Errorf("a gateway in memory has a new key with each start: give it one with CALLGATE_CALLBACK_KEY")
	}
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s%s?key=%s\n", c.callbackBase(nil), eventstream.EventGridPath, tokens.EventGrid())
	return err
}
