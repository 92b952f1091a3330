# syntax=docker/dockerfile:1
# CPU image. Build: docker build -t firellava .   Run: docker run -p 8000:8000 -v firellava-cache:/var/cache/firellava firellava

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY inference ./inference
COPY plugins ./plugins
COPY routes ./routes
COPY server ./server
# onnxruntime-node ships the libraries of every platform; the image keeps its own.
RUN npm run build \
 && npm prune --omit=dev \
 && arch="$(node -p process.arch)" \
 && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d ! -path "*/linux/${arch}" -exec rm -rf {} +

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    CACHE_DIR=/var/cache/firellava
WORKDIR /app
RUN install -d -o node -g node /var/cache/firellava
COPY --from=build /app/package.json /app/package-lock.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY inference/checkpoints ./inference/checkpoints
COPY LICENSE README.md ./
# Compiled checkpoints live here, so that a new container starts without compiling again.
VOLUME /var/cache/firellava
EXPOSE 8000
USER node
# Running answers get SHUTDOWN_GRACE seconds, 25 unless set; docker waits for 10: stop with `docker stop -t 30`.
STOPSIGNAL SIGTERM
# A large checkpoint takes minutes to compile the first time; failures before the first success do not count until then.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30m --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/ready`).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# As `npm start`: the heap begins with room, so that loads of small requests are not interrupted by collecting it all the time.
CMD ["node", "--initial-old-space-size=64", "dist/server/main.js"]
