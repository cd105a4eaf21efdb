package main

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

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
	if c.EventGridAuth == "entra" {
		_, err := fmt.Fprintln(p.stdout, c.callbackBase(nil)+eventstream.EventGridPath)
		return err
	}
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s%s?key=%s\n", c.callbackBase(nil), eventstream.EventGridPath, tokens.EventGrid())
	return err
}

// entraForEventGrid says whether Event Grid has to have a token of Entra ID.
func (c *Config) entraForEventGrid() bool {
	return c.EventGridAuth == "entra" || c.EventGridAuth == "both"
}

// eventGrid is what is let in from Event Grid; the emulator's has a key.
func (c *Config) eventGrid() eventstream.EventGridOptions {
	opts := eventstream.EventGridOptions{Topics: c.EventGridTopics}
	if c.entraForEventGrid() && !c.emulated() {
		opts.WithoutKey = c.EventGridAuth == "entra"
		opts.Verifier = eventstream.NewVerifier(eventstream.EntraOptions(c.EntraAuthority, c.EventGridTenant, c.EventGridAudience, c.CallbackClockSkew))
	}
	return opts
}

func (c *Config) validateEventGrid() error {
	if !c.entraForEventGrid() {
		if c.EventGridTenant != "" || len(c.EventGridAudience) > 0 {
			return errors.New("there are settings for Event Grid's tokens, but --event-grid-auth asks for none")
		}
		return nil
	}
	var errs []error
	if uuid.Validate(c.EventGridTenant) != nil || len(c.EventGridTenant) != 36 {
		errs = append(errs, errors.New("--event-grid-tenant must be the tenant's id, a GUID"))
	}
	if len(c.EventGridAudience) == 0 {
		errs = append(errs, errors.New("--event-grid-audience must say whom Event Grid's tokens are meant for"))
	}
	if u, err := url.Parse(c.EntraAuthority); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
		errs = append(errs, errors.New("--entra-authority must be an https address without path"))
	}
	return errors.Join(errs...)
}
