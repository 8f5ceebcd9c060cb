# Takes the arguments that the published image takes, and its configuration from the same place.
FROM scratch
LABEL otelbar.built="from the program"
COPY otelcol /otelcol
EXPOSE 4317 4318
ENTRYPOINT ["/otelcol"]
CMD ["--config", "/etc/otelcol/config.yaml"]
