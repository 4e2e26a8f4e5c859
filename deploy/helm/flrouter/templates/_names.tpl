{{- define "flrouter.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "flrouter.selector" -}}
app.kubernetes.io/name: flrouter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "flrouter.historySelector" -}}
app.kubernetes.io/name: flrouter-history
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "flrouter.labels" -}}
{{ include "flrouter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "flrouter.hosts" -}}
{{- $api := printf "%s-api" (include "flrouter.name" .) -}}
{{- $space := .Release.Namespace -}}
{{ printf "%s,%s.%s,.%s.svc,.%s.svc.cluster.local" $api $api $space $space $space }}
{{- with .Values.settings.WEB_HOSTS }},{{ . }}{{ end }}
{{- end -}}

{{/* The scheme of the web port. */}}
{{- define "flrouter.scheme" -}}
{{ ternary "HTTP" "HTTPS" (empty .Values.secrets.webTls) }}
{{- end }}

{{/* For workers and the history worker: the settings, and how to log in to Kafka. */}}
{{- define "flrouter.settings" -}}
{{- range $name, $value := omit .Values.settings "WEB_HOSTS" }}
- name: FLROUTER_{{ $name }}
  {{- /* As JSON, because Helm reads numbers as floats, and would write 2e+06. */}}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- with .Values.secrets.historyDatabase }}
- name: FLROUTER_HISTORY_DATABASE
  valueFrom: {secretKeyRef: {name: {{ . }}, key: url}}
{{- end }}
{{- with .Values.secrets.sasl }}
- name: FLROUTER_SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: FLROUTER_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- if .Values.secrets.tls }}
- name: FLROUTER_SSL_CAFILE
  value: /etc/flrouter/tls/ca.crt
{{- if .Values.tls.clientCertificate }}
- name: FLROUTER_SSL_CERTFILE
  value: /etc/flrouter/tls/tls.crt
- name: FLROUTER_SSL_KEYFILE
  value: /etc/flrouter/tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{/* For all that have a web port: its names, whom it admits, and TLS. */}}
{{- define "flrouter.web" -}}
# The names of its Services. Requests under other names are refused.
- name: FLROUTER_WEB_HOSTS
  value: {{ include "flrouter.hosts" . | quote }}
{{- with .Values.secrets.token }}
- name: FLROUTER_TOKEN
  valueFrom: {secretKeyRef: {name: {{ . }}, key: token}}
{{- end }}
{{- with .Values.secrets.readToken }}
- name: FLROUTER_READ_TOKEN
  valueFrom: {secretKeyRef: {name: {{ . }}, key: token}}
{{- end }}
{{- with .Values.secrets.proxySecret }}
- name: FLROUTER_PROXY_SECRET
  valueFrom: {secretKeyRef: {name: {{ . }}, key: secret}}
{{- end }}
{{- if .Values.secrets.webTls }}
- name: FLROUTER_WEB_CERTFILE
  value: /etc/flrouter/web-tls/tls.crt
- name: FLROUTER_WEB_KEYFILE
  value: /etc/flrouter/web-tls/tls.key
- name: FLROUTER_WEB_CAFILE
  value: /etc/flrouter/web-tls/ca.crt
{{- end }}
{{- end }}

{{/* The URL of the chart's history worker. Empty if there is none, or if the settings name another one. */}}
{{- define "flrouter.historyUrl" -}}
{{- if and .Values.secrets.historyDatabase (not .Values.settings.HISTORY_URL) -}}
{{ printf "%s://%s-history.%s.svc:6066" (include "flrouter.scheme" . | trim | lower) (include "flrouter.name" .) .Release.Namespace }}
{{- end -}}
{{- end }}
