package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/callgate/callgate/client"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// Connection is which gateway the commands use, and how it is reached.
type Connection struct {
	Addr      string        `default:"127.0.0.1:9090" help:"gRPC address of the gateway; dns:///NAME:PORT for several behind one name."`
	TLS       bool          `name:"tls" help:"Speak TLS, with a gateway that the system's certificates vouch for."`
	CAFile    string        `name:"ca-file" type:"existingfile" help:"File of the certificates that vouch for the gateway, PEM. Means --tls."`
	CertFile  string        `name:"cert-file" type:"existingfile" help:"File of the client certificate, PEM. Means --tls."`
	KeyFile   string        `name:"key-file" type:"existingfile" help:"File of the client certificate's key, PEM."`
	TokenFile string        `name:"token-file" variable:"CALLGATE_CLIENT_TOKEN_FILE" type:"existingfile" help:"File that holds the bearer token, instead of CALLGATE_TOKEN."`
	Timeout   time.Duration `default:"30s" help:"How long an answer may take, beside what --wait waits."`
	JSON      *bool         `name:"json" negatable:"" help:"JSON on a terminal too; --no-json: words into a pipe too."`
}

// ProvideConnection gives the commands within a group the group's connection.
func (c *Connection) ProvideConnection() (*Connection, error) { return c, nil }

// tokenVariable holds the bearer token.
const tokenVariable = "CALLGATE_TOKEN"

// gateway is a connection that is open, and where its answers are written.
type gateway struct {
	calls        callgatev1.CallControlClient
	participants callgatev1.ParticipantsClient
	events       callgatev1.EventsClient
	media        callgatev1.MediaClient
	recordings   callgatev1.RecordingsClient
	groups       callgatev1.GroupsClient
	conn         *grpc.ClientConn
	print        printer
}

// use connects for as long as do takes.
func (c *Connection) use(p Process, do func(*gateway) error) (err error) {
	opts, err := c.dialOptions(p.Getenv)
	if err != nil {
		return err
	}
	conn, err := client.Dial(c.Addr, opts...)
	if err != nil {
		return usage("--addr: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return do(&gateway{
		calls:        callgatev1.NewCallControlClient(conn),
		participants: callgatev1.NewParticipantsClient(conn),
		events:       callgatev1.NewEventsClient(conn),
		media:        callgatev1.NewMediaClient(conn),
		recordings:   callgatev1.NewRecordingsClient(conn),
		groups:       callgatev1.NewGroupsClient(conn),
		conn:         conn,
		print:        c.printer(p),
	})
}

// printer writes words for people and JSON for programs.
func (c *Connection) printer(p Process) printer {
	json := !p.Terminal
	if c.JSON != nil {
		json = *c.JSON
	}
	return printer{out: p.Out, json: json}
}

func (c *Connection) dialOptions(getenv func(string) string) ([]grpc.DialOption, error) {
	security, encrypted, err := c.security()
	if err != nil {
		return nil, err
	}
	opts := []grpc.DialOption{grpc.WithTransportCredentials(security), grpc.WithUserAgent("callgate-cli")}
	token, err := c.token(getenv)
	if err != nil || token == "" {
		return opts, err
	}
	if !encrypted && !onThisMachine(c.Addr) {
		return nil, usage("the token would be readable on its way to %s: give --tls", c.Addr)
	}
	return append(opts, grpc.WithPerRPCCredentials(bearer{token: token, encrypted: encrypted})), nil
}

func (c *Connection) security() (_ credentials.TransportCredentials, encrypted bool, err error) {
	if !c.TLS && c.CAFile == "" && c.CertFile == "" {
		return insecure.NewCredentials(), false, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, false, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, false, usage("--ca-file %s holds no certificate", c.CAFile)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, false, usage("--cert-file and --key-file need each other")
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, false, fmt.Errorf("client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), true, nil
}

func (c *Connection) token(getenv func(string) string) (string, error) {
	token := getenv(tokenVariable)
	if c.TokenFile == "" {
		return token, nil
	}
	if token != "" {
		return "", usage("both %s and --token-file are given: which is meant?", tokenVariable)
	}
	raw, err := os.ReadFile(c.TokenFile)
	return strings.TrimSpace(string(raw)), err
}

// onThisMachine says whether nobody but this machine sees what is sent to addr.
func onThisMachine(addr string) bool {
	if strings.HasPrefix(addr, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// bearer sends a token with every RPC.
type bearer struct {
	token     string
	encrypted bool
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (b bearer) RequireTransportSecurity() bool { return b.encrypted }
