package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc/authz"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/callgate/callgate/access"
	callgatev1 "github.com/callgate/callgate/gen/callgate/v1"
)

// rules are a policy made ready for many requests: which methods a grant covers is
// left to grpc's own engine.
type rules struct {
	policy *access.Policy
	engine *authz.StaticInterceptor
	number map[string]string // of each grant, by its name
	places map[string]bool   // by its name: it covers placing calls
	// decided is what the engine has said: a bool by decision. It goes by nothing
	// else, and there are no more decisions than grants times methods.
	decided sync.Map
}

// decision is what the engine is asked for.
type decision struct{ grant, method string }

// The engine knows a client by these headers. They are made here, of the grant;
// what a client sends is not shown to it.
const (
	roleHeader  = "callgate-role"
	grantHeader = "callgate-grant"
)

// engineRule is a rule as the engine reads it: whoever has a header of these
// values may call the methods of these paths.
type engineRule struct {
	Name    string        `json:"name"`
	Request engineRequest `json:"request"`
}

type engineRequest struct {
	Paths   []string       `json:"paths"`
	Headers []engineHeader `json:"headers"`
}

type engineHeader struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

func newRules(policy *access.Policy) (*rules, error) {
	r := &rules{policy: policy, number: map[string]string{}, places: map[string]bool{}}
	const place = callgatev1.CallControl_CreateCall_FullMethodName
	var allow []engineRule
	for i, role := range access.Roles() {
		var paths, enough []string
		for path, m := range methods {
			if m.role == role {
				paths = append(paths, path)
			}
		}
		for _, greater := range access.Roles()[i:] {
			enough = append(enough, string(greater))
		}
		if len(paths) > 0 {
			slices.Sort(paths)
			allow = append(allow, engineRule{string(role), engineRequest{paths, []engineHeader{{roleHeader, enough}}}})
		}
	}
	var errs []error
	for i, grant := range policy.Grants() {
		r.number[grant.Name] = strconv.Itoa(i)
		if grant.Role != "" {
			r.places[grant.Name] = slices.Index(access.Roles(), grant.Role) >= slices.Index(access.Roles(), methods[place].role)
			continue
		}
		paths, err := pathsOf(grant.Methods)
		if err != nil {
			errs = append(errs, fmt.Errorf("principals: %s: methods: %w", grant.Name, err))
			continue
		}
		r.places[grant.Name] = slices.Contains(paths, place)
		allow = append(allow, engineRule{grant.Name, engineRequest{paths, []engineHeader{{grantHeader, []string{strconv.Itoa(i)}}}}})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	raw, err := json.Marshal(map[string]any{"name": "callgate", "allow_rules": allow})
	if err != nil {
		return nil, err
	}
	if r.engine, err = authz.NewStatic(string(raw)); err != nil {
		return nil, fmt.Errorf("compile the policy: %w", err)
	}
	return r, nil
}

// pathsOf are the methods that patterns stand for: "callgate.v1.Events/ListEvents",
// or "callgate.v1.Events/*" for all of a service.
func pathsOf(patterns []string) ([]string, error) {
	var paths []string
	for _, pattern := range patterns {
		found := false
		for _, path := range slices.Sorted(maps.Keys(methods)) {
			service, all := strings.CutSuffix(pattern, "/*")
			if path == "/"+pattern || all && strings.HasPrefix(path, "/"+service+"/") {
				paths, found = append(paths, path), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no %q", pattern)
		}
	}
	return paths, nil
}

// allow tells whether the request in ctx, of a client with grant, may go on to
// method, which is its own.
func (r *rules) allow(ctx context.Context, grant *access.Grant, method string) error {
	asked := decision{grant.Name, method}
	allowed, known := r.decided.Load(asked)
	if !known {
		var err error
		if allowed, err = r.ask(ctx, grant); err != nil {
			return err
		}
		r.decided.Store(asked, allowed)
	}
	if !allowed.(bool) {
		return &refusal{reason: "ACCESS_DENIED"}
	}
	return nil
}

// ask has the engine decide.
func (r *rules) ask(ctx context.Context, grant *access.Grant) (allowed bool, err error) {
	_, err = r.engine.UnaryInterceptor(
		metadata.NewIncomingContext(ctx, metadata.Pairs(roleHeader, string(grant.Role), grantHeader, r.number[grant.Name])),
		nil, nil, func(context.Context, any) (any, error) { return nil, nil })
	if status.Code(err) == codes.PermissionDenied {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("decide by the policy: %w", errors.New(err.Error())) // its code is not ours
	}
	return true, nil
}
