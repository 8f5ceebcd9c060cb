# Takes the arguments and the variable that the published image takes.
FROM scratch
LABEL otelbar.built="from the program"
COPY jaeger /jaeger
ENV JAEGER_LISTEN_HOST=0.0.0.0
EXPOSE 4317 4318 9411 16686
ENTRYPOINT ["/jaeger"]
