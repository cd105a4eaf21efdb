package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// healthcheckCmd is for images that have no curl.
type healthcheckCmd struct {
	HTTPAddr    string        `name:"http-addr" default:"127.0.0.1:8080" help:"Where the gateway's HTTP listens; an address of all interfaces is asked on this machine."`
	TLSCertFile string        `name:"tls-cert-file" type:"existingfile" help:"File of the gateway's certificate, PEM, where it speaks TLS."`
	Live        bool          `help:"Ask only whether the process is alive, not whether it can do its work."`
	Timeout     time.Duration `default:"3s" help:"How long it may take to answer."`
}

// Run fails unless the gateway says that it is well.
func (c *healthcheckCmd) Run(ctx context.Context, p process) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	host, port, err := net.SplitHostPort(c.HTTPAddr)
	if err != nil {
		return fmt.Errorf("--http-addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	path := "/readyz"
	if c.Live {
		path = "/healthz"
	}
	transport, scheme, err := c.transport()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: %s", path, resp.Status, strings.TrimSpace(string(said)))
	}
	_, err = p.stdout.Write(said)
	return err
}

// transport uses no proxy, and trusts the gateway's own certificate, whatever name
// it has.
func (c *healthcheckCmd) transport() (transport *http.Transport, scheme string, err error) {
	transport = &http.Transport{DisableKeepAlives: true}
	if c.TLSCertFile == "" {
		return transport, "http", nil
	}
	raw, err := os.ReadFile(c.TLSCertFile)
	if err != nil {
		return nil, "", err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, "", fmt.Errorf("%s holds no certificate", c.TLSCertFile)
	}
	own, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", c.TLSCertFile, err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(own)
	transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	if len(own.DNSNames) > 0 {
		transport.TLSClientConfig.ServerName = own.DNSNames[0]
	}
	return transport, "https", nil
}
