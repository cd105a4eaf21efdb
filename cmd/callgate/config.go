package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/callgate/callgate/cli"
	"github.com/callgate/callgate/mask"
	"github.com/callgate/callgate/service"
)

const description = `The gateway to Azure Communication Services Call Automation.

Without any setting it runs against its own emulator. To use the real service,
set CALLGATE_CONNECTION_STRING (or --endpoint, and an Entra credential in the
environment) and --callback-base-url.

"callgate serve --help" lists all settings. Every flag is also a variable:
--grpc-addr is CALLGATE_GRPC_ADDR. Secrets are variables only, or files:
CALLGATE_CONNECTION_STRING, CALLGATE_SECONDARY_ACCESS_KEY (tried when the
connection string's key is refused), CALLGATE_CALLBACK_KEY,
CALLGATE_NATS_PASSWORD and CALLGATE_NATS_TOKEN.

The commands call, participants, media, recordings, events, groups and calls use a gateway
that runs: say which one with --addr, and who you are with CALLGATE_TOKEN. They end with 0 when
it is done, 3 when an action failed, 5 when there is no such call: docs/cli.md.`

// commands are what the binary can do.
type commands struct {
	serveCommand
	Emulator     emulatorCmd     `cmd:"" help:"Run the Call Automation emulator alone."`
	Doctor       doctorCmd       `cmd:"" help:"Check a deployment, with the gateway's own settings, and say what is wrong."`
	EventgridURL eventgridURLCmd `cmd:"" name:"eventgrid-url" help:"Print the webhook address to give to an Event Grid subscription. It holds a secret."`
	Log          logCommands     `cmd:"" help:"Look after the event log."`
	Healthcheck  healthcheckCmd  `cmd:"" help:"Ask the gateway on this machine whether it is well: for containers."`

	Call         cli.CallCommands        `cmd:"" help:"Place, answer, transfer and end calls."`
	Participants cli.ParticipantCommands `cmd:"" help:"See and change who is in a call."`
	Media        cli.MediaCommands       `cmd:"" help:"Play, listen and hold in calls."`
	Recordings   cli.RecordingCommands   `cmd:"" help:"Record calls, and fetch the recordings."`
	Events       cli.EventCommands       `cmd:"" help:"Follow and look up events."`
	Groups       cli.GroupCommands       `cmd:"" help:"Look after groups, which share events."`
	Calls        cli.CallsCommands       `cmd:"" help:"Understand calls."`

	Completion kongcompletion.Completion `cmd:"" help:"Print how to have the shell complete commands."`
	Version    versionCmd                `cmd:"" help:"Print the version."`
}

// serveCommand is the grammar that is enough to start the gateway: that of all
// commands takes longer to build than the event log to open.
type serveCommand struct {
	Serve serveCmd `cmd:"" default:"withargs" help:"Run the gateway (the default)."`
}

// Config is every setting of the gateway.
type Config struct {
	GRPCAddr     string `default:"127.0.0.1:9090" help:"Where gRPC listens. Port 0 takes a free one."`
	HTTPAddr     string `name:"http-addr" default:"127.0.0.1:8080" help:"Where REST, health and metrics listen."`
	CallbackAddr string `default:"127.0.0.1:8081" help:"Where the upstream's callbacks arrive. The only listener that is meant to face the internet."`
	EmulatorAddr string `default:"127.0.0.1:8082" help:"Where the emulator listens, when there is one."`
	PprofAddr    string `help:"Where go tool pprof may ask for profiles, which show what is in memory: a loopback address. Empty: nowhere."`
	Insecure     bool   `help:"Let the other listeners use an address beyond loopback, although clients are not authenticated over TLS."`

	AccessConfig

	Upstream               string `enum:"auto,acs,emulator" default:"auto" help:"Call Automation itself (acs), or the emulator; auto is acs when one is configured."`
	Endpoint               string `help:"Endpoint of the Communication Services resource, for an Entra credential (see azidentity's environment variables)."`
	ConnectionStringFile   string `type:"existingfile" help:"File that holds the resource's connection string, instead of CALLGATE_CONNECTION_STRING. Read again when it changes."`
	SecondaryAccessKeyFile string `type:"existingfile" help:"File that holds the resource's other key, instead of CALLGATE_SECONDARY_ACCESS_KEY. Read again when it changes."`
	TokenScope             string `default:"https://communication.azure.com//.default" help:"What Entra tokens are asked for; other clouds have their own."`
	APIVersion             string `name:"api-version" default:"2026-03-12" help:"Version of the Call Automation API."`

	UpstreamTries      int           `default:"4" help:"How often a request to the upstream is tried, at most."`
	UpstreamTryTimeout time.Duration `default:"10s" help:"How long one try may take."`
	UpstreamRetryRate  float64       `default:"20" help:"How many tries a second, of all requests together, may be repetitions."`

	CallbackBaseURL     string `name:"callback-base-url" help:"Public https address under which the callback listener is reached."`
	CallbackKeyFile     string `type:"existingfile" help:"File that holds the key of the callback tokens, base64, instead of CALLGATE_CALLBACK_KEY; or several, the newest first. Read again when it changes. Without either, one is made in the data folder; with --nats-url it must be given."`
	CallbackConcurrency int    `default:"256" help:"How many callbacks of one source address (an IPv6 network) are served at once; others are answered 503. 0 for any number: behind a proxy all come from its address."`

	EventGridAuth     string   `name:"event-grid-auth" enum:"key,entra,both" default:"key" help:"What lets Event Grid in: the key in the address, a token of Entra ID, or only both."`
	EventGridTenant   string   `name:"event-grid-tenant" help:"The Entra tenant, a GUID, that makes those tokens."`
	EventGridAudience []string `name:"event-grid-audience" help:"Whom those tokens must be meant for: the application that the subscription names, by its id and its URI."`
	EventGridTopics   []string `name:"event-grid-topics" help:"Resource ids of the topics (for IncomingCall, the Communication Services resource) whose subscriptions are confirmed and whose events are let in. Without any: of all."`
	EntraAuthority    string   `default:"https://login.microsoftonline.com" help:"Where Entra ID is; other clouds have their own."`

	CallbackURIAllow   []string      `name:"callback-uri-allow" placeholder:"https://HOST/PATH/,..." help:"Addresses to which requests may have events sent instead of to callgate (callback_uri and the like): what begins with one of these, in whole path segments. Without any, none may; with the emulator, those on this machine may always."`
	ResourceID         string        `name:"resource-id" help:"Immutable resource id (a GUID) of the Communication Services resource: the audience that callbacks must be signed for."`
	OpenIDConfigURL    string        `name:"openid-config-url" default:"https://acscallautomation.communication.azure.com/calling/.well-known/acsopenidconfiguration" help:"Where the keys are found that callbacks are signed with."`
	CallbackClockSkew  time.Duration `default:"1m" help:"How far the upstream's clock may be off when a callback's token expires."`
	DataDir            string        `default:"./callgate-data" help:"Folder of the event log; \":memory:\" keeps none."`
	LogSync            string        `enum:"always,interval" default:"always" help:"When an event is synced to disk: always, before its callback is answered; or at an interval, faster, but the loss of power may take the last second."`
	LogMaxAge          time.Duration `default:"168h" help:"How long events are kept."`
	LogMaxBytes        int64         `default:"10737418240" help:"How much disk the log may take; the oldest events go first."`
	LogDuplicateWindow time.Duration `default:"1h" help:"How long an event that comes again is recognized."`

	NATSURL          []string `name:"nats-url" placeholder:"nats://HOST:PORT,..." help:"NATS servers that keep the event log for all replicas of the gateway, instead of the data folder: nats:// or tls://, several with commas."`
	NATSCredsFile    string   `name:"nats-creds-file" type:"existingfile" help:"File of NATS credentials (a user's JWT and seed)."`
	NATSUser         string   `name:"nats-user" help:"User for NATS, with the password in CALLGATE_NATS_PASSWORD."`
	NATSPasswordFile string   `name:"nats-password-file" type:"existingfile" help:"File that holds the password for NATS, instead of CALLGATE_NATS_PASSWORD."`
	NATSTokenFile    string   `name:"nats-token-file" type:"existingfile" help:"File that holds a token for NATS, instead of CALLGATE_NATS_TOKEN."`
	NATSCAFile       string   `name:"nats-ca-file" type:"existingfile" help:"File of the certificates that the NATS servers' are checked against, PEM, instead of the system's."`
	NATSCertFile     string   `name:"nats-cert-file" type:"existingfile" help:"File of the client certificate for NATS, PEM."`
	NATSKeyFile      string   `name:"nats-key-file" type:"existingfile" help:"File of the client certificate's key, PEM."`
	NATSReplicas     int      `name:"nats-replicas" default:"3" help:"How many NATS servers keep each event: 1 to 5."`

	RequestMemory time.Duration `default:"24h" help:"How long an action that a client named by a request_id is known when it comes again."`

	MaxConnections      int           `default:"10000" help:"How many connections each listener serves at once; others wait."`
	MaxConnectionRPCs   uint32        `name:"max-connection-rpcs" default:"1000" help:"How many RPCs may run at once on one gRPC connection."`
	MaxStreamsPerClient int           `default:"1000" help:"How many streams one client (a principal, or an address where clients are not authenticated) may have open."`
	MaxStreams          int           `default:"10000" help:"How many streams may be open in all."`
	MaxConnectionAge    time.Duration `default:"1h" help:"After how long a stream is told to come back, and a gRPC connection takes no new RPCs, so that clients spread over replicas and meet new certificates."`
	ReadTimeout         time.Duration `default:"30s" help:"How long a client may take to send a request."`
	WriteTimeout        time.Duration `default:"30s" help:"How long a client over HTTP may take to take in one piece of what it is sent: an event, or a part of a file."`

	EmulatorTimeScale float64       `default:"1" help:"How many times faster than life the emulator's people act."`
	ShutdownGrace     time.Duration `default:"10s" help:"How long running requests may take to end when the gateway stops."`
	LogFormat         string        `enum:"text,json" default:"text" help:"Format of the process's own log lines."`
	LogLevel          slog.Level    `default:"info" help:"Level of the process's own log lines: debug, info, warn or error."`

	connectionString   mask.Secret
	secondaryAccessKey mask.Secret
	callbackKey        mask.Secret
	keepsCallbackKey   bool // in the data folder: none was given
	natsPassword       mask.Secret
	natsToken          mask.Secret
}

// memory is the DataDir of a log that does not outlive the process.
const memory = ":memory:"

// environment finds the settings that are not given as flags. Kong's own lookup
// of variables is bound to the process; this one is not.
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, path *kong.Path, flag *kong.Flag) (any, error) {
		if name := variable(path.Node(), flag); name != "" {
			if v := getenv(name); v != "" {
				return v, nil
			}
		}
		return nil, nil
	})
}

// variable is where a flag's value is looked for in the environment. What a command
// within a group is asked to do is no setting, and has none.
func variable(of *kong.Node, flag *kong.Flag) string {
	switch {
	case flag.Name == "help" || of.Parent != nil && of.Parent.Type == kong.CommandNode:
		return ""
	case flag.Tag.Has("variable"):
		return flag.Tag.Get("variable")
	}
	return "CALLGATE_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
}

// readSecrets takes the secrets in from where they may be.
func (c *Config) readSecrets(getenv func(string) string) error {
	for _, s := range []struct {
		into     *mask.Secret
		variable string
		file     string
	}{
		{&c.connectionString, "CALLGATE_CONNECTION_STRING", c.ConnectionStringFile},
		{&c.secondaryAccessKey, "CALLGATE_SECONDARY_ACCESS_KEY", c.SecondaryAccessKeyFile},
		{&c.callbackKey, "CALLGATE_CALLBACK_KEY", c.CallbackKeyFile},
		{&c.natsPassword, "CALLGATE_NATS_PASSWORD", c.NATSPasswordFile},
		{&c.natsToken, "CALLGATE_NATS_TOKEN", c.NATSTokenFile},
	} {
		*s.into = mask.NewSecret(getenv(s.variable))
		if s.file == "" {
			continue
		}
		if s.into.Given() {
			return fmt.Errorf("both %s and a file for it are given: which is meant?", s.variable)
		}
		raw, err := os.ReadFile(s.file)
		if err != nil {
			return err
		}
		*s.into = mask.NewSecret(strings.TrimSpace(string(raw)))
	}
	return nil
}

// emulated says whether the emulator is the upstream.
func (c *Config) emulated() bool {
	return c.Upstream == "emulator" || (c.Upstream == "auto" && !c.connectionString.Given() && c.Endpoint == "")
}

// validate finds everything that is wrong, not only the first.
func (c *Config) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.emulated() {
		if c.Upstream == "emulator" && (c.connectionString.Given() || c.Endpoint != "") {
			wrong("--upstream=emulator, but a real upstream is configured: which is meant?")
		}
	} else {
		if !c.connectionString.Given() && c.Endpoint == "" {
			wrong("--upstream=acs needs CALLGATE_CONNECTION_STRING, or --endpoint and an Entra credential")
		}
		if c.connectionString.Given() && c.Endpoint != "" {
			wrong("both a connection string and --endpoint are given: which is meant?")
		}
		if u, err := url.Parse(c.CallbackBaseURL); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			wrong("--callback-base-url must be the public https address of the callback listener: the upstream posts its events there")
		}
	}
	if _, err := service.ParseAllowedCallbacks(c.CallbackURIAllow, false); err != nil {
		wrong("--callback-uri-allow: %w", err)
	}
	errs = append(errs, c.AccessConfig.validate(), c.validateNATS(), c.validateEventGrid())
	if c.emulated() && c.CallbackTLSCertFile != "" {
		wrong("--callback-tls-cert-file is for a real upstream: the emulator reports within this machine, in the clear")
	}
	if c.CallbackConcurrency < 0 {
		wrong("--callback-concurrency must be at least 0")
	}
	if c.callbackKey.Given() {
		if _, err := parseCallbackKeys(c.callbackKey); err != nil {
			wrong("%w", err)
		}
	}
	for name, d := range map[string]time.Duration{
		"--upstream-try-timeout": c.UpstreamTryTimeout, "--log-max-age": c.LogMaxAge,
		"--log-duplicate-window": c.LogDuplicateWindow, "--request-memory": c.RequestMemory, "--shutdown-grace": c.ShutdownGrace,
		"--max-connection-age": c.MaxConnectionAge, "--read-timeout": c.ReadTimeout, "--write-timeout": c.WriteTimeout,
	} {
		if d <= 0 {
			wrong("%s must be more than 0", name)
		}
	}
	for name, n := range map[string]int{
		"--max-connections": c.MaxConnections, "--max-connection-rpcs": int(c.MaxConnectionRPCs),
		"--max-streams-per-client": c.MaxStreamsPerClient, "--max-streams": c.MaxStreams,
	} {
		if n < 1 {
			wrong("%s must be at least 1", name)
		}
	}
	if c.LogDuplicateWindow > c.LogMaxAge {
		wrong("--log-duplicate-window must not be longer than --log-max-age")
	}
	if c.LogMaxBytes < 1<<20 {
		wrong("--log-max-bytes must be at least 1048576")
	}
	if c.UpstreamRetryRate <= 0 {
		wrong("--upstream-retry-rate must be more than 0")
	}
	if c.UpstreamTries < 1 {
		wrong("--upstream-tries must be at least 1")
	}
	if c.EmulatorTimeScale <= 0 {
		wrong("--emulator-time-scale must be more than 0")
	}
	return errors.Join(errs...)
}
