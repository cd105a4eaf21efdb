package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// TLSFiles are where a listener's certificate is, and whom it trusts.
type TLSFiles struct {
	// Cert is the certificate with those that lead to its authority, PEM.
	Cert string
	// Key is its key, PEM.
	Key string
	// ClientCA is the authorities of clients, PEM; empty: clients are asked for no
	// certificate.
	ClientCA string
	// MinVersion is the oldest version of TLS that is spoken.
	MinVersion uint16
}

// TLS is a listener's side of TLS, whose files are read again when they change. A
// client need not show a certificate; one that it shows must be good.
type TLS struct {
	files   TLSFiles
	content [][]byte
	config  atomic.Pointer[tls.Config]
}

// OpenTLS reads the files.
func OpenTLS(files TLSFiles) (*TLS, error) {
	t := &TLS{files: files}
	_, err := t.Reload()
	return t, err
}

// Reload reads the files again, and says whether they have changed. After an
// error, also when a key does not fit its certificate because only one of them has
// been replaced yet, what was before stays in use. It is for one goroutine at a
// time.
func (t *TLS) Reload() (changed bool, err error) {
	var content [][]byte
	for _, name := range []string{t.files.Cert, t.files.Key, t.files.ClientCA} {
		var raw []byte
		if name != "" {
			if raw, err = os.ReadFile(name); err != nil {
				return false, err
			}
		}
		content = append(content, raw)
	}
	if t.config.Load() != nil && slices.EqualFunc(content, t.content, bytes.Equal) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return false, fmt.Errorf("%s, %s: %w", t.files.Cert, t.files.Key, err)
	}
	config := &tls.Config{
		MinVersion:   t.files.MinVersion,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if t.files.ClientCA != "" {
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !config.ClientCAs.AppendCertsFromPEM(content[2]) {
			return false, fmt.Errorf("%s holds no certificate", t.files.ClientCA)
		}
	}
	t.content = content
	t.config.Store(config)
	return true, nil
}

// Expires is when the certificate in use does.
func (t *TLS) Expires() time.Time { return t.config.Load().Certificates[0].Leaf.NotAfter }

// credentials are those of a gRPC server; of a nil TLS, none.
func (t *TLS) credentials() grpc.ServerOption {
	if t == nil {
		return grpc.Creds(insecure.NewCredentials())
	}
	return grpc.Creds(credentials.NewTLS(t.serverConfig()))
}

// serverConfig has each connection go by the files as they are then; it is nil for
// a nil TLS.
func (t *TLS) serverConfig() *tls.Config {
	if t == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: t.files.MinVersion,
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if config := t.config.Load(); config != nil {
				return config, nil
			}
			return nil, errors.New("there is no certificate")
		},
	}
}
