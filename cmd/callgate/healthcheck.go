package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthcheckCmd is for images that have no curl.
type healthcheckCmd struct {
	HTTPAddr string        `name:"http-addr" default:"127.0.0.1:8080" help:"Where the gateway's HTTP listens; an address of all interfaces is asked on this machine."`
	Live     bool          `help:"Ask only whether the process is alive, not whether it can do its work."`
	Timeout  time.Duration `default:"3s" help:"How long it may take to answer."`
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy
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
