package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/callgate/callgate/eventstream"
)

// externalLog says whether NATS servers keep the event log.
func (c *Config) externalLog() bool { return len(c.NATSURL) > 0 }

// natsOptions are nil for a log in the data folder.
func (c *Config) natsOptions() *eventstream.NATSOptions {
	if !c.externalLog() {
		return nil
	}
	return &eventstream.NATSOptions{
		URLs:            c.NATSURL,
		CredentialsFile: c.NATSCredsFile,
		User:            c.NATSUser,
		Password:        c.natsPassword,
		Token:           c.natsToken,
		CAFile:          c.NATSCAFile,
		CertFile:        c.NATSCertFile,
		KeyFile:         c.NATSKeyFile,
		Replicas:        c.NATSReplicas,
	}
}

// logPlace is where the event log is, without what is secret.
func (c *Config) logPlace() string {
	if !c.externalLog() {
		return c.DataDir
	}
	hosts, err := c.natsOptions().Hosts()
	if err != nil { // which validate has said already
		return "NATS"
	}
	return fmt.Sprintf("NATS at %s, %d replicas", strings.Join(hosts, ", "), c.NATSReplicas)
}

// validateNATS finds everything that is wrong with the settings of an external
// log.
func (c *Config) validateNATS() error {
	var errs []error
	wrong := func(text string) { errs = append(errs, errors.New(text)) }
	if !c.externalLog() {
		if c.NATSCredsFile != "" || c.NATSUser != "" || c.natsPassword.Given() || c.natsToken.Given() ||
			c.NATSCAFile != "" || c.NATSCertFile != "" || c.NATSKeyFile != "" {
			wrong("there are settings for NATS, but no --nats-url")
		}
		return errors.Join(errs...)
	}
	if _, err := c.natsOptions().Hosts(); err != nil {
		wrong("--nats-url: " + err.Error())
	}
	if !c.callbackKey.Given() {
		wrong("--nats-url needs CALLGATE_CALLBACK_KEY or --callback-key-file, the same for all replicas: " +
			"a callback may reach another one than the one that placed the call")
	}
	if (c.NATSCertFile == "") != (c.NATSKeyFile == "") {
		wrong("--nats-cert-file and --nats-key-file need each other")
	}
	if (c.NATSUser == "") != !c.natsPassword.Given() {
		wrong("--nats-user and CALLGATE_NATS_PASSWORD need each other")
	}
	ways := 0
	for _, given := range []bool{c.NATSCredsFile != "", c.NATSUser != "", c.natsToken.Given()} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		wrong("a credentials file, a user and a token for NATS: which is meant?")
	}
	if c.NATSReplicas < 1 || c.NATSReplicas > 5 {
		wrong("--nats-replicas must be 1 to 5")
	}
	return errors.Join(errs...)
}
