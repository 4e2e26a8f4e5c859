{{- define "flrouter.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "flrouter.selector" -}}
app.kubernetes.io/name: flrouter
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

{{/* How the web port is asked. */}}
{{- define "flrouter.scheme" -}}
{{ ternary "HTTP" "HTTPS" (empty .Values.secrets.webTls) }}
{{- end }}
