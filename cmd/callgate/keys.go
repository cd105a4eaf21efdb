package main

import (
	"errors"

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

// followedKeys are the keys that are taken over when their files change.
func (c *Config) followedKeys(client *upstream.Client, tokens *eventstream.Tokens, getenv func(string) string) []followed {
	var all []followed
	if c.ConnectionStringFile != "" || c.SecondaryAccessKeyFile != "" {
		all = append(all, followed{"the access keys", func() (bool, error) { return c.reloadKeys(client, getenv) }})
	}
	if c.callbackKeyFile() != "" {
		all = append(all, followed{"the callback keys", func() (bool, error) { return c.reloadCallbackKeys(tokens) }})
	}
	return all
}

// reloadKeys takes over what has changed. c keeps what is in use.
func (c *Config) reloadKeys(client *upstream.Client, getenv func(string) string) (changed bool, err error) {
	next := *c
	if err := next.readSecrets(getenv); err != nil {
		return false, err
	}
	if next.connectionString.Is(c.connectionString) && next.secondaryAccessKey.Is(c.secondaryAccessKey) {
		return false, nil
	}
	endpoint, primary, err := upstream.ParseConnectionString(next.connectionString.Reveal())
	if err != nil {
		return false, err
	}
	if before, _, err := upstream.ParseConnectionString(c.connectionString.Reveal()); err != nil || endpoint != before {
		return false, errors.New("the connection string names another endpoint: that needs a restart")
	}
	secondary, err := next.secondaryKey()
	if err != nil {
		return false, err
	}
	if err := client.SetAccessKeys(primary, secondary); err != nil {
		return false, err
	}
	c.connectionString, c.secondaryAccessKey = next.connectionString, next.secondaryAccessKey
	return true, nil
}
