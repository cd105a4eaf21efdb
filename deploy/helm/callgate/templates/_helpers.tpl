{{- define "callgate.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "callgate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "callgate.labels" -}}
{{ include "callgate.selector" . }}
{{ include "callgate.common" . }}
{{- end }}

{{- define "callgate.common" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "callgate.natsSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: nats
{{- end }}

{{- define "callgate.natsUrl" -}}
{{- if .Values.nats.install -}}
nats://{{ include "callgate.name" . }}-nats:4222
{{- else -}}
{{ .Values.nats.url }}
{{- end -}}
{{- end }}

{{- define "callgate.scheme" -}}
{{ ternary "HTTPS" "HTTP" (ne .Values.access.tlsSecret "") }}
{{- end }}

{{- /* What cannot work is said before anything is installed. */ -}}
{{- define "callgate.check" -}}
{{- $v := .Values -}}
{{- $shared := or $v.nats.install (ne $v.nats.url "") -}}
{{- if and $v.nats.install (ne $v.nats.url "") }}{{ fail "nats.install and nats.url: which is meant?" }}{{ end -}}
{{- if and (not $shared) (or (gt (int $v.replicas) 1) $v.autoscaling.enabled) }}{{ fail "several replicas need a log that they share: set nats.url or nats.install, or replicas to 1" }}{{ end -}}
{{- if not $v.callbacks.keySecret.name }}{{ fail "callbacks.keySecret.name: the secret with the key of the callback tokens is needed" }}{{ end -}}
{{- if eq $v.upstream.kind "acs" -}}
{{- if and (not $v.upstream.connectionStringSecret.name) (not $v.upstream.endpoint) }}{{ fail "upstream: connectionStringSecret.name or endpoint is needed" }}{{ end -}}
{{- if not $v.callbacks.baseUrl }}{{ fail "callbacks.baseUrl: the public https address of the callback listener is needed" }}{{ end -}}
{{- end -}}
{{- $ways := or $v.access.clientCASecret.name $v.access.tokensSecret.name $v.access.oidc.issuer -}}
{{- if not (or $v.access.insecure (and $v.access.tlsSecret $ways)) }}{{ fail "access: tlsSecret and a way to authenticate clients are needed, or insecure" }}{{ end -}}
{{- if and $ways (not $v.access.policy) }}{{ fail "access.policy: it says what each client may do" }}{{ end -}}
{{- end }}
