package eventstream

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/callgate/callgate/mask"
)

// NATSOptions are how to reach NATS servers that keep the log outside of this
// process, for any number of replicas of the gateway. The servers need JetStream
// and version 2.12 or later.
type NATSOptions struct {
	// URLs are servers to begin with: nats://host:port or tls://host:port. The
	// others of their cluster are learned from them. They may hold a user and a
	// password, or a token.
	URLs []string
	// CredentialsFile holds a user's JWT and its seed.
	CredentialsFile string
	// User and Password, or Token, are for servers without JWTs.
	User            string
	Password, Token mask.Secret
	// CAFile holds the certificates that the servers' are checked against; the
	// system's when empty.
	CAFile string
	// CertFile and KeyFile are the client certificate, for servers that ask for one.
	CertFile, KeyFile string
	// Replicas is how many servers keep each event; 3 when 0. With 3 any one of them
	// may be lost.
	Replicas int
}

const (
	natsDialTimeout   = 5 * time.Second
	natsReconnectWait = 250 * time.Millisecond
	// A server that is gone without a word is given up after two pings.
	natsPingInterval = 5 * time.Second
)

// Hosts are the servers' addresses as they may be printed: without what is
// secret in the URLs.
func (o *NATSOptions) Hosts() ([]string, error) {
	if len(o.URLs) == 0 {
		return nil, errors.New("no NATS server is given")
	}
	hosts := make([]string, len(o.URLs))
	for i, text := range o.URLs {
		u, err := url.Parse(text)
		// The parser's error would repeat the address.
		if err != nil || u.Host == "" || (u.Scheme != "nats" && u.Scheme != "tls") {
			return nil, fmt.Errorf("NATS address %d is not of the form nats://host:port or tls://host:port", i+1)
		}
		hosts[i] = u.Host
	}
	return hosts, nil
}

// connect opens a connection that comes back until it is closed, whatever befalls
// the servers.
func (o *NATSOptions) connect(logger *slog.Logger) (*nats.Conn, error) {
	hosts, err := o.Hosts()
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(strings.Join(o.URLs, ","), append(o.security(),
		nats.Name("callgate"),
		nats.Timeout(natsDialTimeout),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // credentials may be mended while we run
		nats.ReconnectWait(natsReconnectWait),
		nats.ReconnectBufSize(-1), // fail at once while there is no connection
		nats.PingInterval(natsPingInterval),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: we closed it
				logger.Warn("event log connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			logger.Info("event log connection is back", "server", c.ConnectedServerName())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Warn("event log connection", "error", err)
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", strings.Join(hosts, ", "), err)
	}
	if most := conn.MaxPayload(); most < maxRecordBytes {
		logger.Warn("an event that is larger than the NATS servers' max_payload cannot be stored",
			"found", most, "wanted", maxRecordBytes)
	}
	return conn, nil
}

func (o *NATSOptions) security() []nats.Option {
	var opts []nats.Option
	if o.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(o.CredentialsFile))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password.Reveal()))
	}
	if o.Token.Given() {
		opts = append(opts, nats.Token(o.Token.Reveal()))
	}
	if o.CAFile != "" {
		opts = append(opts, nats.RootCAs(o.CAFile))
	}
	if o.CertFile != "" {
		opts = append(opts, nats.ClientCert(o.CertFile, o.KeyFile))
	}
	return opts
}
