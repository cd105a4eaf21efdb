package eventstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/callgate/callgate/mask"
)

// newServer is a single NATS server on a free port, after change, and how to reach
// it.
func newServer(t *testing.T, change func(*server.Options)) *NATSOptions {
	t.Helper()
	opts := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 40, NoLog: true, NoSigs: true,
	}
	if change != nil {
		change(opts)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server did not start")
	}
	return &NATSOptions{URLs: []string{"nats://" + s.Addr().String()}, Replicas: 1}
}

// openError is why a log does not open.
func openError(t *testing.T, o LogOptions) error {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	log, err := OpenLog(testContext(t), o)
	if err == nil {
		closeLog(t, log)
	}
	return err
}

func TestExternalLogMustBeAsItIsWanted(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"events go too soon":            {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "max_age: found 1h0m0s, wanted 168h0m0s"},
		"too little room":               {func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, "max_bytes: found 1048576, wanted 10737418240"},
		"another limit":                 {func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 }, "max_msgs: found 1000, wanted -1"},
		"a limit for every call":        {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject: found 1, wanted -1"},
		"a limit for one event":         {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1024 }, "max_msg_size: found 1024, wanted -1"},
		"duplicates are forgotten":      {func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute }, "duplicate_window: found 1m0s, wanted 20m0s"},
		"new events are refused":        {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew }, "discard: found DiscardNew, wanted DiscardOld"},
		"it takes other subjects":       {func(c *jetstream.StreamConfig) { c.Subjects = []string{"callgate.>"} }, "subjects: found [callgate.>], wanted [callgate.events.>]"},
		"it cannot be read in bulk":     {func(c *jetstream.StreamConfig) { c.AllowDirect = false }, "allow_direct: found false, wanted true"},
		"it is in memory":               {func(c *jetstream.StreamConfig) { c.Storage, c.MaxBytes = jetstream.MemoryStorage, 1<<20 }, "storage: found Memory, wanted File"},
		"events go when they are read":  {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, "retention: found Interest, wanted Limits"},
		"it does not say what it has":   {func(c *jetstream.StreamConfig) { c.NoAck = true }, "no_ack: found true, wanted false"},
		"it was not made by callgate":   {func(c *jetstream.StreamConfig) { c.Metadata = nil }, "was not made by callgate"},
		"its identity is not one":       {func(c *jetstream.StreamConfig) { c.Metadata[logIDKey] = "12" }, "was not made by callgate"},
		"more than one thing is amiss":  {func(c *jetstream.StreamConfig) { c.MaxAge, c.MaxMsgs = time.Hour, 9 }, "max_msgs: found 9"},
		"only what is the operator's":   {func(c *jetstream.StreamConfig) { c.Description, c.Compression = "ours", jetstream.S2Compression }, ""},
		"only more is said of the rest": {func(c *jetstream.StreamConfig) { c.Metadata["team"] = "telephony" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := LogOptions{NATS: newServer(t, nil)}
			conn, err := o.NATS.connect(slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			js, err := jetstream.New(conn)
			if err != nil {
				t.Fatal(err)
			}
			config := o.withDefaults().streamConfig()
			config.Metadata = newLogID()
			test.change(&config)
			made, err := js.CreateStream(testContext(t), config)
			if err != nil {
				t.Fatal(err)
			}

			err = openError(t, o)
			if (test.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			after, err := made.Info(testContext(t))
			if err != nil || compareStream(made.CachedInfo().Config, after.Config) != nil {
				t.Errorf("the stream was changed: %v", err)
			}
		})
	}
}

func TestExternalRequestsMustBeAsTheyAreWanted(t *testing.T) {
	log := openLog(t, LogOptions{NATS: newServer(t, nil)})
	if _, err := log.Requests(testContext(t), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Requests(testContext(t), time.Hour); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := log.Requests(testContext(t), 2*time.Hour); err == nil || !strings.Contains(err.Error(), "max_age: found 1h0m0s, wanted 2h0m0s") {
		t.Errorf("error %v", err)
	}
}

func TestExternalLogIsMadeOnce(t *testing.T) {
	o := LogOptions{NATS: newServer(t, nil)}
	logs := make([]*Log, 4)
	var group sync.WaitGroup
	for i := range logs {
		group.Go(func() { logs[i] = openLog(t, o) })
	}
	group.Wait()
	for _, log := range logs {
		if log == nil || log.id != logs[0].id {
			t.Fatal("they opened different logs")
		}
	}
}

func TestExternalLogThatWasReplacedIsAnotherLog(t *testing.T) {
	o := LogOptions{NATS: newServer(t, nil)}
	log := openLog(t, o)
	if err := log.js.DeleteStream(testContext(t), streamName); err != nil {
		t.Fatal(err)
	}
	openLog(t, o) // makes it anew
	if err := log.Check(testContext(t)); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("Check: %v", err)
	}
}

func TestExternalLogNeedsEnoughServers(t *testing.T) {
	o := newServer(t, nil)
	o.Replicas = 3
	if err := openError(t, LogOptions{NATS: o}); err == nil || !strings.Contains(err.Error(), "replicas > 1 not supported") {
		t.Errorf("error %v", err)
	}
}

func TestExternalLogCredentials(t *testing.T) {
	byUser := newServer(t, func(o *server.Options) { o.Username, o.Password = "gate", "hush-hush" })
	byToken := newServer(t, func(o *server.Options) { o.Authorization = "hush-hush" })
	inURL := strings.Replace(byUser.URLs[0], "nats://", "nats://gate:hush-hush@", 1)
	for name, test := range map[string]struct {
		options NATSOptions
		want    string // of the error
	}{
		"user and password":        {NATSOptions{URLs: byUser.URLs, User: "gate", Password: mask.NewSecret("hush-hush")}, ""},
		"user and password in URL": {NATSOptions{URLs: []string{inURL}}, ""},
		"a wrong password":         {NATSOptions{URLs: byUser.URLs, User: "gate", Password: mask.NewSecret("hush-hush!")}, "Authorization Violation"},
		"none":                     {NATSOptions{URLs: byUser.URLs}, "Authorization Violation"},
		"a token":                  {NATSOptions{URLs: byToken.URLs, Token: mask.NewSecret("hush-hush")}, ""},
		"a wrong token":            {NATSOptions{URLs: byToken.URLs, Token: mask.NewSecret("hush-hush!")}, "Authorization Violation"},
		"nobody there":             {NATSOptions{URLs: []string{"nats://gate:hush-hush@127.0.0.1:1"}}, "127.0.0.1:1"},
		"a wrong URL":              {NATSOptions{URLs: []string{"nats://gate:hush-hush@127.0.0.1:port"}}, "NATS address 1 is not of the form"},
		"another scheme":           {NATSOptions{URLs: []string{"http://gate:hush-hush@127.0.0.1"}}, "NATS address 1 is not of the form"},
		"no URL":                   {NATSOptions{}, "no NATS server is given"},
		"no credentials file":      {NATSOptions{URLs: byUser.URLs, CredentialsFile: "/dev/null/creds"}, "/dev/null/creds"},
	} {
		t.Run(name, func(t *testing.T) {
			test.options.Replicas = 1
			err := openError(t, LogOptions{NATS: &test.options})
			if (test.want == "") != (err == nil) || (err != nil && !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(test.want))) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestExternalLogOverTLS(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := certificate(t, dir, "ca", nil, nil)
	certificate(t, dir, "node", ca, caKey)
	certificate(t, dir, "client", ca, caKey)
	file := func(name string) string { return filepath.Join(dir, name) }
	pair, err := tls.LoadX509KeyPair(file("node.pem"), file("node.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	reach := newServer(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
		}
	})
	with := *reach
	with.CAFile, with.CertFile, with.KeyFile = file("ca.pem"), file("client.pem"), file("client.key")
	if err := openError(t, LogOptions{NATS: &with}); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	for name, change := range map[string]func(*NATSOptions){
		"without the CA":            func(o *NATSOptions) { o.CAFile = "" },
		"without a certificate":     func(o *NATSOptions) { o.CertFile = "" },
		"with a key of another":     func(o *NATSOptions) { o.KeyFile = file("node.key") },
		"with a CA that is no file": func(o *NATSOptions) { o.CAFile = file("none.pem") },
	} {
		t.Run(name, func(t *testing.T) {
			without := with
			change(&without)
			if err := openError(t, LogOptions{NATS: &without}); err == nil {
				t.Error("no error")
			}
		})
	}
}

// certificate makes name.pem and name.key in dir: a CA when there is none.
func certificate(t *testing.T, dir, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, IsCA: ca == nil,
	}
	parent, signer := ca, caKey
	if ca == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{
		".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(fmt.Errorf("parse what was made: %w", err))
	}
	return made, key
}

// TestWhatIsTooLargeIsRefusedAlone: also when it shares a write with others.
func TestWhatIsTooLargeIsRefusedAlone(t *testing.T) {
	log := openLog(t, LogOptions{NATS: newServer(t, func(o *server.Options) { o.MaxPayload = 4096 })})
	large := record("c-1", "c", typeParticipantsUpdated)
	large.Data = make([]byte, 4096)
	for range 2 {
		err := log.Append(testContext(t), record("c-0", "c", typeParticipantsUpdated), large, record("c-2", "c", typeParticipantsUpdated))
		if !errors.Is(err, ErrLogUnavailable) || !errors.Is(err, nats.ErrMaxPayload) {
			t.Errorf("error %v", err)
		}
		if log.appender.unsure {
			t.Error("it takes the server for gone")
		}
	}
	wantHistory(t, log, "c", "c-0", "c-2")
}

// TestNothingIsSentBehindWhatTheConnectionDoesNotTake: it would be before it, when
// that is sent again.
func TestNothingIsSentBehindWhatTheConnectionDoesNotTake(t *testing.T) {
	log := openLog(t, LogOptions{})
	mustAppend(t, log, record("c-0", "c", typeParticipantsUpdated))
	var msgs []message
	for i := range 3 {
		msg, err := recordMessage(record(fmt.Sprintf("c-%d", i+1), "c", typeParticipantsUpdated))
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, msg)
	}
	msgs[1].subject = "" // which the client does not send
	answers := log.appender.send(testContext(t), msgs)
	if answers[0].err != nil || answers[1].err == nil || !errors.Is(answers[2].err, answers[1].err) || !log.appender.unsure {
		t.Errorf("%+v", answers)
	}
	wantHistory(t, log, "c", "c-0", "c-1")
}
