package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/pprof/profile"
)

// profileCmd has the gateway do what takes processor time, and writes down where it
// goes, for the compiler: releases are built by it.
type profileCmd struct {
	Only   string        `default:"fan-out|webhook|unary, saturated|catch-up" help:"Use the scenarios whose names match this regular expression."`
	Scale  float64       `default:"3" help:"How much work is done, as a factor."`
	Out    string        `default:"../cmd/callgate/release.pgo" help:"Where the profile is written."`
	Source string        `default:".." help:"Folder of callgate's source."`
	Limit  time.Duration `default:"15m" help:"When to give up."`
}

// Run implements the command.
func (c *profileCmd) Run(ctx context.Context) error {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	b, err := newBench(ctx, c.Source, c.Scale)
	if err != nil {
		return err
	}
	defer b.close()
	b.profiles = &profiles{}
	for _, s := range scenarios() {
		for _, subject := range s.subjects {
			if !only.MatchString(s.name) || !strings.HasPrefix(subject.name, "callgate") {
				continue
			}
			if _, err := subject.run(ctx, b); err != nil {
				return fmt.Errorf("%s: %s: %w", s.name, subject.name, err)
			}
		}
	}
	return b.profiles.write(c.Out)
}

// profileSeconds is how long one profile is: what is under way when the gateway ends
// is lost.
const profileSeconds = 2

// profiles are of the processor time of gateways, while they run.
type profiles struct {
	following sync.WaitGroup
	mu        sync.Mutex
	found     []*profile.Profile
}

// follow takes profiles of the gateway at addr, one after the other, until it ends.
func (p *profiles) follow(ctx context.Context, addr string) {
	p.following.Go(func() {
		for {
			one, err := takeProfile(ctx, addr)
			if err != nil {
				return // it has ended
			}
			p.mu.Lock()
			p.found = append(p.found, one)
			p.mu.Unlock()
		}
	})
}

func takeProfile(ctx context.Context, addr string) (*profile.Profile, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", addr, profileSeconds), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return profile.Parse(resp.Body)
}

// write puts all profiles together, once their gateways have ended. What tells of this
// machine is left out: the compiler goes by names and lines.
func (p *profiles) write(name string) error {
	p.following.Wait()
	if len(p.found) == 0 {
		return fmt.Errorf("no gateway ran for %d seconds", profileSeconds)
	}
	all, err := profile.Merge(p.found)
	if err != nil {
		return err
	}
	all.TimeNanos, all.Comments = 0, nil
	for _, m := range all.Mapping {
		m.File, m.BuildID = "", ""
	}
	for _, f := range all.Function {
		f.Filename = ""
	}
	file, err := os.Create(name) //nolint:gosec // whoever runs this names it
	if err != nil {
		return err
	}
	if err := all.Write(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
