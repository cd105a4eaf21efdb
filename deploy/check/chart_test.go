package check

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// kinds are what the chart may make, by apiVersion and kind.
var kinds = map[string]func() any{
	"v1/ServiceAccount":                      func() any { return &corev1.ServiceAccount{} },
	"v1/Service":                             func() any { return &corev1.Service{} },
	"v1/ConfigMap":                           func() any { return &corev1.ConfigMap{} },
	"v1/PersistentVolumeClaim":               func() any { return &corev1.PersistentVolumeClaim{} },
	"apps/v1/Deployment":                     func() any { return &appsv1.Deployment{} },
	"apps/v1/StatefulSet":                    func() any { return &appsv1.StatefulSet{} },
	"policy/v1/PodDisruptionBudget":          func() any { return &policyv1.PodDisruptionBudget{} },
	"autoscaling/v2/HorizontalPodAutoscaler": func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"networking.k8s.io/v1/NetworkPolicy":     func() any { return &networkingv1.NetworkPolicy{} },
	"networking.k8s.io/v1/Ingress":           func() any { return &networkingv1.Ingress{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() any {
		return &monitoringv1.ServiceMonitor{}
	},
	"monitoring.coreos.com/v1/PrometheusRule": func() any { return &monitoringv1.PrometheusRule{} },
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load("../helm/callgate")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render makes the objects of values, by kind and name, each decoded strictly.
func render(t *testing.T, values string) (map[string]any, error) {
	t.Helper()
	c := load(t)
	given, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(c, given, chartutil.ReleaseOptions{Name: "prod", Namespace: "calls"}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	objects := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		for _, document := range strings.Split(files[name], "\n---\n") {
			if len(bytes.TrimSpace([]byte(document))) == 0 {
				continue
			}
			var head struct {
				APIVersion, Kind string
				Metadata         struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(document), &head); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			if head.Kind == "" { // a comment
				continue
			}
			kind := kinds[head.APIVersion+"/"+head.Kind]
			if kind == nil {
				t.Fatalf("%s makes a %s/%s", name, head.APIVersion, head.Kind)
			}
			object := kind()
			if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			key := head.Kind + " " + head.Metadata.Name
			if objects[key] != nil {
				t.Fatalf("there are two of %s", key)
			}
			objects[key] = object
		}
	}
	return objects, nil
}

const smallest = `
replicas: 1
upstream: {kind: emulator}
callbacks: {keySecret: {name: k, key: callback-key}}
access: {insecure: true}
`

const whole = `
upstream:
  connectionStringSecret: {name: acs, key: connection-string}
  resourceId: 9d1c3e0f-0000-0000-0000-000000000000
callbacks:
  baseUrl: https://calls.example.com
  keySecret: {name: keys, key: callback-key}
  ingress: {enabled: true, className: nginx, tlsSecret: calls-tls}
access:
  tlsSecret: callgate-tls
  clientCASecret: {name: ca, key: ca.crt}
  tokensSecret: {name: tokens, key: tokens}
  oidc: {issuer: "https://login.example.com", audience: callgate}
  policy: {principals: {"token:sales": {role: operator}}}
nats: {install: true}
settings: {CALLGATE_LOG_MAX_AGE: 72h}
autoscaling: {enabled: true}
networkPolicy:
  scrapers: [{namespaceSelector: {matchLabels: {name: monitoring}}}]
  callbacks: [{namespaceSelector: {matchLabels: {name: ingress}}}]
metrics:
  serviceMonitor: {enabled: true, tokenSecret: {name: scraper, key: token}}
  rules: {enabled: true}
  dashboard: {enabled: true}
`

func TestChartOfOneReplica(t *testing.T) {
	objects, err := render(t, smallest)
	if err != nil {
		t.Fatal(err)
	}
	deployment := objects["Deployment prod-callgate"].(*appsv1.Deployment)
	if deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || objects["PersistentVolumeClaim prod-callgate"] == nil {
		t.Errorf("the log of one replica is not on a volume that only one has: %v", deployment.Spec.Strategy)
	}
	for _, there := range []string{"StatefulSet prod-callgate-nats", "Ingress prod-callgate-callbacks", "HorizontalPodAutoscaler prod-callgate", "ServiceMonitor prod-callgate"} {
		if objects[there] != nil {
			t.Errorf("there is a %s", there)
		}
	}
}

func TestChartOfEverything(t *testing.T) {
	objects, err := render(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	deployment := objects["Deployment prod-callgate"].(*appsv1.Deployment)
	if deployment.Spec.Replicas != nil {
		t.Error("the deployment sets the number that the autoscaler decides")
	}
	pod := deployment.Spec.Template.Spec
	gateway := pod.Containers[0]
	if s := gateway.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !*pod.SecurityContext.RunAsNonRoot || *pod.AutomountServiceAccountToken {
		t.Errorf("the container may more than it needs: %v", s)
	}
	env := map[string]string{}
	for _, e := range gateway.Env {
		env[e.Name] = e.Value
	}
	for name, want := range map[string]string{
		"CALLGATE_NATS_URL":               "nats://prod-callgate-nats:4222",
		"CALLGATE_CONNECTION_STRING_FILE": "/etc/callgate/upstream/connection-string",
		"CALLGATE_TOKEN_FILE":             "/etc/callgate/tokens/tokens",
		"CALLGATE_LOG_MAX_AGE":            "72h",
		"CALLGATE_INSECURE":               "",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, not %q", name, env[name], want)
		}
	}
	// What is mounted is there, and what is there is mounted.
	volumes, mounts := map[string]bool{}, map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, m := range gateway.VolumeMounts {
		mounts[m.Name] = true
	}
	if !maps.Equal(volumes, mounts) {
		t.Errorf("volumes %v, and mounts %v", volumes, mounts)
	}
	if scheme := gateway.ReadinessProbe.HTTPGet.Scheme; scheme != corev1.URISchemeHTTPS {
		t.Errorf("the probe speaks %s to a listener that speaks TLS", scheme)
	}
	// Strangers reach the callback listener and nothing else.
	policy := objects["NetworkPolicy prod-callgate"].(*networkingv1.NetworkPolicy)
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			if port.Port.String() != "callbacks" && len(rule.From) == 0 {
				t.Errorf("everybody reaches %s", port.Port)
			}
		}
	}
	ports := objects["Service prod-callgate-callbacks"].(*corev1.Service).Spec.Ports
	if len(ports) != 1 || ports[0].TargetPort.String() != "callbacks" {
		t.Errorf("the service for the internet has the ports %v", ports)
	}
	rules := objects["PrometheusRule prod-callgate"].(*monitoringv1.PrometheusRule)
	if len(rules.Spec.Groups) != 1 || len(rules.Spec.Groups[0].Rules) < 10 {
		t.Errorf("the rules are %v", rules.Spec.Groups)
	}
	for _, there := range []string{"StatefulSet prod-callgate-nats", "Ingress prod-callgate-callbacks", "HorizontalPodAutoscaler prod-callgate",
		"ServiceMonitor prod-callgate", "PodDisruptionBudget prod-callgate", "ConfigMap prod-callgate-policy", "ConfigMap prod-callgate-dashboard"} {
		if objects[there] == nil {
			t.Errorf("there is no %s", there)
		}
	}
}

// TestChartRefusesWhatCannotWork before anything is installed.
func TestChartRefusesWhatCannotWork(t *testing.T) {
	for _, tc := range []struct{ name, values, says string }{
		{"the defaults, which know no log", ``, "log that they share"},
		{"no key", strings.Replace(smallest, "{keySecret: {name: k, key: callback-key}}", "{}", 1), "callbacks.keySecret.name"},
		{"two replicas of a log of their own", smallest + "autoscaling: {enabled: true}", "log that they share"},
		{"strangers", strings.Replace(smallest, "insecure: true", "insecure: false", 1), "authenticate clients"},
		{"clients without a policy", strings.Replace(whole, "policy: {principals: {\"token:sales\": {role: operator}}}", "policy: {}", 1), "access.policy"},
		{"two logs", strings.Replace(whole, "install: true", "install: true, url: \"nats://n:4222\"", 1), "which is meant"},
		{"a public address without TLS", strings.Replace(whole, "https://calls", "http://calls", 1), "baseUrl"},
		{"a misspelt value", smallest + "replica: 2", "replica"},
		{"no number", smallest + "shutdownGraceSeconds: soon", "shutdownGraceSeconds"},
		{"a setting that is none", smallest + "settings: {LOG_MAX_AGE: 72h}", "LOG_MAX_AGE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := render(t, tc.values)
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v does not speak of %q", err, tc.says)
			}
		})
	}
}
