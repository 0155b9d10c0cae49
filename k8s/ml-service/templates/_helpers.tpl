{{- define "ml.selector" -}}
app.kubernetes.io/name: ml-service
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* (list root component) */ -}}
{{- define "ml.labels" -}}
{{- $root := index . 0 -}}
{{ include "ml.selector" $root }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{- /* Pods that serve; those that score too, where they are apart. */ -}}
{{- define "ml.components" -}}
{{ .Values.scoring.enabled | ternary (list "serve" "scoring") (list "serve") | toJson }}
{{- end }}

{{- /* (list root component) */ -}}
{{- define "ml.name" -}}
{{ (index . 0).Values.name }}{{ if eq (index . 1) "scoring" }}-scoring{{ end }}
{{- end }}

{{- define "ml.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}
{{- end }}

{{- /* For the database alone: what a migration needs. */ -}}
{{- define "ml.databaseEnv" -}}
- name: ML_DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ .Values.database.secret }}, key: {{ .Values.database.key }}}
{{- end }}

{{- /* What every process of the service goes by, but for the listeners. */ -}}
{{- define "ml.env" -}}
{{ include "ml.databaseEnv" . }}
- {name: ML_DATA_DIR, value: /data}
- {name: ML_REGISTRY_DIR, value: /registry/models}
- {name: ML_REDACTION_KEYS, value: /redaction-keys}
{{- if .Values.auditHeads.claim }}
# Heads are signed by a key of the pod's own: each has its folder.
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: ML_AUDIT_HEAD_DIR, value: /audit-heads/$(POD_NAME)}
{{- end }}
- {name: ML_AUTH, value: jwt}
- {name: ML_JWT_ISSUER, value: {{ .Values.auth.issuer | quote }}}
- {name: ML_JWT_AUDIENCE, value: {{ .Values.auth.audience | quote }}}
{{- if hasKey .Values.files "trust.json" }}
- {name: ML_TRUST_FILE, value: /conf/trust.json}
{{- end }}
{{- if hasKey .Values.files "policy.yaml" }}
- {name: ML_POLICY_FILE, value: /conf/policy.yaml}
{{- end }}
{{- if hasKey .Values.files "flags.json" }}
- {name: ML_FLAGS_FILE, value: /conf/flags.json}
{{- end }}
{{- range $name, $value := .Values.config }}
- {name: {{ $name }}, value: {{ kindIs "float64" $value | ternary (printf "%.0f" (float64 $value)) (toString $value) | quote }}}
{{- end }}
{{- range $name, $from := .Values.secretConfig }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}
{{- end }}
{{- end }}

{{- define "ml.mounts" -}}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
- {name: registry, mountPath: /registry, readOnly: {{ .Values.registry.readOnly }}}
- {name: redaction-keys, mountPath: /redaction-keys}
{{- if .Values.auditHeads.claim }}
- {name: audit-heads, mountPath: /audit-heads}
{{- end }}
{{- if .Values.files }}
- {name: conf, mountPath: /conf, readOnly: true}
{{- end }}
{{- if .Values.tls.secret }}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end }}
{{- end }}

{{- /* All but data, which the pods have each in their own way. */ -}}
{{- define "ml.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: registry
  persistentVolumeClaim:
    claimName: {{ .Values.registry.claim | default (printf "%s-registry" .Values.name) }}
    readOnly: {{ .Values.registry.readOnly }}
- name: redaction-keys
  persistentVolumeClaim: {claimName: {{ .Values.redactionKeys.claim }}}
{{- with .Values.auditHeads.claim }}
- name: audit-heads
  persistentVolumeClaim: {claimName: {{ . }}}
{{- end }}
{{- if .Values.files }}
- name: conf
  configMap: {name: {{ .Values.name }}-conf}
{{- end }}
{{- with .Values.tls.secret }}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "ml.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ml.containerSecurity" -}}
image: {{ include "ml.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* (list resources mebibytes-of-disk-beside) */ -}}
{{- define "ml.resources" -}}
{{- $of := index . 0 -}}
{{- $disk := add $of.diskMebibytes (index . 1) -}}
requests: {cpu: {{ $of.cpu | quote }}, memory: {{ $of.memory }}, ephemeral-storage: {{ $disk }}Mi}
limits: {cpu: {{ $of.cpu | quote }}, memory: {{ $of.memory }}, ephemeral-storage: {{ $disk }}Mi}
{{- end }}
