package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// webhookScenario is what it costs to take a callback in.
func webhookScenario() scenario {
	return scenario{
		name:     "webhook",
		about:    "Callbacks, 32 at once, as fast as it goes. Processor time per callback: callgate checks token and signature, decodes, and stores synced to disk; the other is net/http and the check of the same RS256 signature.",
		subjects: []subject{{"callgate", webhookCallgate}, {"net/http and RS256", webhookBare}},
		checks: []check{
			{what: "processor time per callback", metric: "cpu µs", of: "callgate", against: "net/http and RS256", atMost: 1.6},
		},
	}
}

const webhookLoad = 32 // at once

func webhookCallgate(ctx context.Context, b *bench) (metrics, error) {
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	defer a.server.Close()
	g, err := b.production(ctx, a, "", b.folder())
	if err != nil {
		return nil, err
	}
	defer g.stop()
	return b.webhooks(ctx, g.child, a, g.callbackURL)
}

func webhookBare(ctx context.Context, b *bench) (metrics, error) {
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	defer a.server.Close()
	server, err := b.role(ctx, "webhook", a.keys())
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var at place
	if err := server.hear(&at); err != nil {
		return nil, err
	}
	return b.webhooks(ctx, server, a, "http://"+at.HTTP)
}

func (b *bench) webhooks(ctx context.Context, server *child, a *authority, url string) (metrics, error) {
	tokens, err := a.tokens(64)
	if err != nil {
		return nil, err
	}
	p := newPoster(webhookLoad)
	defer p.close()
	post := func(i int) error {
		return p.post(ctx, url, tokens[i%len(tokens)], callback(i, capturedCall, time.Now()))
	}
	warm := b.scaled(500)
	if err := saturated(warm, webhookLoad, post); err != nil {
		return nil, err
	}
	n := b.scaled(15_000)
	before, err := server.cpu()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := saturated(n, webhookLoad, func(i int) error { return post(warm + i) }); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	after, err := server.cpu()
	if err != nil {
		return nil, err
	}
	return metrics{"cpu µs": float64((after - before).Microseconds()) / float64(n), "callbacks/s": float64(n) / took.Seconds()}, nil
}

// bareWebhook is an HTTP server that reads what is posted, if it is signed.
func bareWebhook(ctx context.Context, r *role) error {
	var keys jose.JSONWebKeySet
	if err := r.read(&keys); err != nil {
		return err
	}
	return serveHTTP(ctx, r, func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.ParseSigned(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), []jose.SignatureAlgorithm{jose.RS256})
		if err != nil || token.Claims(keys.Keys[0], &jwt.Claims{}) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
}
