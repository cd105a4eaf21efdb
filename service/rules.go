package service

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callgate/callgate/access"
)

// rules are a policy made ready for many requests.
type rules struct {
	policy *access.Policy
	// covered are the methods that each grant covers, by its name.
	covered map[string]map[string]bool
}

func newRules(policy *access.Policy) (*rules, error) {
	r := &rules{policy: policy, covered: map[string]map[string]bool{}}
	var errs []error
	for _, grant := range policy.Grants() {
		paths, err := pathsOfRole(grant.Role), error(nil)
		if grant.Role == "" {
			paths, err = pathsOf(grant.Methods)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("principals: %s: methods: %w", grant.Name, err))
		}
		covered := map[string]bool{}
		for _, path := range paths {
			covered[path] = true
		}
		r.covered[grant.Name] = covered
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return r, nil
}

// pathsOfRole are the methods of a role: its own, and those of lesser ones.
func pathsOfRole(role access.Role) (paths []string) {
	roles := access.Roles()
	for path, m := range methods {
		if slices.Contains(roles[:slices.Index(roles, role)+1], m.role) {
			paths = append(paths, path)
		}
	}
	return paths
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

// covers tells whether a grant covers a method.
func (r *rules) covers(grant *access.Grant, path string) bool { return r.covered[grant.Name][path] }
