package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/callgate/callgate/eventstream"
	"github.com/callgate/callgate/upstream"
)

// secondaryKey is the resource's other key, if one is given.
func (c *Config) secondaryKey() (upstream.AccessKey, error) {
	if !c.secondaryAccessKey.Given() {
		return upstream.AccessKey{}, nil
	}
	key, err := upstream.ParseAccessKey(c.secondaryAccessKey.Reveal())
	if err != nil {
		return upstream.AccessKey{}, errors.New("the secondary access key is not base64")
	}
	return key, nil
}

// keyFileInterval is how often the files of the keys are looked at. They are
// read, not watched: a mounted secret changes by a swapped link, which a watch of
// the file would miss.
const keyFileInterval = 5 * time.Second

// followKeys gives client and tokens the keys that come into the files, until
// the function that it returns is called.
func (c *Config) followKeys(ctx context.Context, client *upstream.Client, tokens *eventstream.Tokens, getenv func(string) string, logger *slog.Logger) (stop func()) {
	access := c.ConnectionStringFile != "" || c.SecondaryAccessKeyFile != ""
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(keyFileInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if access {
					if err := c.reloadKeys(client, getenv, logger); err != nil {
						logger.Error("the keys were not taken over: those before stay in use", "error", err)
					}
				}
				if err := c.reloadCallbackKeys(tokens, logger); err != nil {
					logger.Error("the callback keys were not taken over: those before stay in use", "error", err)
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

// reloadKeys takes over what has changed. c keeps what is in use.
func (c *Config) reloadKeys(client *upstream.Client, getenv func(string) string, logger *slog.Logger) error {
	next := *c
	if err := next.readSecrets(getenv); err != nil {
		return err
	}
	if next.connectionString.Is(c.connectionString) && next.secondaryAccessKey.Is(c.secondaryAccessKey) {
		return nil
	}
	endpoint, primary, err := upstream.ParseConnectionString(next.connectionString.Reveal())
	if err != nil {
		return err
	}
	if before, _, err := upstream.ParseConnectionString(c.connectionString.Reveal()); err != nil || endpoint != before {
		return errors.New("the connection string names another endpoint: that needs a restart")
	}
	secondary, err := next.secondaryKey()
	if err != nil {
		return err
	}
	if err := client.SetAccessKeys(primary, secondary); err != nil {
		return err
	}
	c.connectionString, c.secondaryAccessKey = next.connectionString, next.secondaryAccessKey
	logger.Info("the access keys were read again")
	return nil
}
