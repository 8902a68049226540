import sys,os,re,json,torch,inspect,contextlib,io,warnings
sys.path[:0]=[os.path.dirname(os.path.abspath(__file__)),os.environ['CONFORMANCE_GENERATE']]; warnings.filterwarnings('ignore')
import transformers as T, onnx, numpy as np
from torch import nn
from arch import reinit
from export import scrub,trim_traces,sess
import witness
T.logging.set_verbosity_error()
def ids(b,s,seed=1,v=97): return torch.randint(2,v,(b,s),generator=torch.Generator().manual_seed(seed+b*10+s))
def fl(*sh,seed=1): return torch.randn(*sh,generator=torch.Generator().manual_seed(seed+sum(sh)))
S={0:'batch',1:'seq'}; SD={0:'batch',1:'dec_seq'}; B0={0:'batch'}
E={}
def add(n,build,inputs,dyn,outs=('logits',),sdpa=False,sizes=None): E[n]=(build,inputs,dyn,outs,sdpa)
def hf(cls,cfg): 
    def f(attn): return getattr(T,cls)(cfg(attn))
    return f
def seq(b,s,d): return {'input_ids':ids(b,s),'attention_mask':torch.ones(b,s,dtype=torch.long),'decoder_input_ids':ids(b,d,7)}
add('t5',hf('T5ForConditionalGeneration',lambda a:T.T5Config(vocab_size=97,d_model=32,d_kv=8,d_ff=64,num_layers=2,num_heads=4,decoder_start_token_id=0,feed_forward_proj='relu',attn_implementation=a)),lambda b,s:seq(b,s,s-2),{'input_ids':S,'attention_mask':S,'decoder_input_ids':SD})
add('t5_gated',hf('T5ForConditionalGeneration',lambda a:T.T5Config(vocab_size=97,d_model=32,d_kv=8,d_ff=48,num_layers=2,num_heads=4,decoder_start_token_id=0,feed_forward_proj='gated-gelu',attn_implementation=a)),lambda b,s:seq(b,s,s-2),{'input_ids':S,'attention_mask':S,'decoder_input_ids':SD})
add('bart',hf('BartForConditionalGeneration',lambda a:T.BartConfig(vocab_size=97,d_model=32,encoder_layers=2,decoder_layers=2,encoder_attention_heads=4,decoder_attention_heads=4,encoder_ffn_dim=64,decoder_ffn_dim=64,max_position_embeddings=64,pad_token_id=1,bos_token_id=0,eos_token_id=2,decoder_start_token_id=2,forced_eos_token_id=None,attn_implementation=a)),lambda b,s:seq(b,s,s-2),{'input_ids':S,'attention_mask':S,'decoder_input_ids':SD},sdpa=True)
add('t5_encoder',hf('T5EncoderModel',lambda a:T.T5Config(vocab_size=97,d_model=32,d_kv=8,d_ff=64,num_layers=2,num_heads=4,attn_implementation=a)),lambda b,s:{'input_ids':ids(b,s),'attention_mask':torch.ones(b,s,dtype=torch.long)},{'input_ids':S,'attention_mask':S},('last_hidden_state',))
def wcfg(a): return T.WhisperConfig(vocab_size=97,d_model=32,encoder_layers=2,decoder_layers=2,encoder_attention_heads=4,decoder_attention_heads=4,encoder_ffn_dim=64,decoder_ffn_dim=64,num_mel_bins=8,max_source_positions=10,max_target_positions=32,pad_token_id=0,bos_token_id=1,eos_token_id=2,decoder_start_token_id=1,suppress_tokens=None,begin_suppress_tokens=None,attn_implementation=a)
add('whisper',hf('WhisperForConditionalGeneration',wcfg),lambda b,s:{'input_features':fl(b,8,20),'decoder_input_ids':ids(b,s-2)},{'input_features':B0,'decoder_input_ids':SD},sdpa=True)
class DecOnly(nn.Module):
    def __init__(s,m): super().__init__(); s.decoder=m.model.decoder; s.proj_out=m.proj_out
    def forward(s,decoder_input_ids,encoder_hidden_states): return s.proj_out(s.decoder(input_ids=decoder_input_ids,encoder_hidden_states=encoder_hidden_states,use_cache=False).last_hidden_state)
add('whisper_decoder',lambda a:DecOnly(T.WhisperForConditionalGeneration(wcfg(a))),lambda b,s:{'decoder_input_ids':ids(b,s-2),'encoder_hidden_states':fl(b,s,32)},{'decoder_input_ids':SD,'encoder_hidden_states':{0:'batch',1:'enc'}},('y',))
add('wav2vec2',hf('Wav2Vec2ForCTC',lambda a:T.Wav2Vec2Config(vocab_size=32,hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=64,conv_dim=(16,16),conv_kernel=(10,3),conv_stride=(5,2),num_feat_extract_layers=2,num_conv_pos_embeddings=4,num_conv_pos_embedding_groups=2,feat_extract_norm='group',attn_implementation=a)),lambda b,s:{'input_values':fl(b,200+s*20)},{'input_values':{0:'batch',1:'samples'}},sdpa=True)
add('hubert',hf('HubertModel',lambda a:T.HubertConfig(vocab_size=32,hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=64,conv_dim=(16,16),conv_kernel=(10,3),conv_stride=(5,2),num_feat_extract_layers=2,num_conv_pos_embeddings=4,num_conv_pos_embedding_groups=2,feat_extract_norm='layer',do_stable_layer_norm=True,attn_implementation=a)),lambda b,s:{'input_values':fl(b,400)},{'input_values':B0},('last_hidden_state',))
add('resnet',hf('ResNetForImageClassification',lambda a:T.ResNetConfig(embedding_size=8,hidden_sizes=[8,16],depths=[2,2],layer_type='basic',num_labels=5)),lambda b,s:{'pixel_values':fl(b,3,32,32)},{'pixel_values':B0})
add('convnext',hf('ConvNextForImageClassification',lambda a:T.ConvNextConfig(hidden_sizes=[8,16],depths=[2,2],num_stages=2,num_labels=5)),lambda b,s:{'pixel_values':fl(b,3,32,32)},{'pixel_values':B0})
add('mobilenet',hf('MobileNetV2ForImageClassification',lambda a:T.MobileNetV2Config(image_size=32,depth_multiplier=0.25,num_labels=5)),lambda b,s:{'pixel_values':fl(b,3,32,32)},{'pixel_values':B0})
def clipcfg(a):
    c=T.CLIPConfig(text_config=dict(vocab_size=97,hidden_size=32,intermediate_size=64,num_hidden_layers=2,num_attention_heads=4,max_position_embeddings=32,bos_token_id=0,eos_token_id=96,pad_token_id=1,projection_dim=16),vision_config=dict(hidden_size=32,intermediate_size=64,num_hidden_layers=2,num_attention_heads=4,image_size=16,patch_size=4,projection_dim=16),projection_dim=16)
    c._attn_implementation=a; return c
add('clip',hf('CLIPModel',clipcfg),lambda b,s:{'input_ids':ids(b,s),'pixel_values':fl(b,3,16,16),'attention_mask':torch.ones(b,s,dtype=torch.long)},{'input_ids':S,'pixel_values':{0:'images'},'attention_mask':S},('logits_per_image','text_embeds'),sdpa=True)
enc=lambda b,s:{'input_ids':ids(b,s),'attention_mask':torch.ones(b,s,dtype=torch.long)}
ED={'input_ids':S,'attention_mask':S}
BK=dict(vocab_size=97,hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=64,max_position_embeddings=64,pad_token_id=0)
add('deberta',hf('DebertaV2ForMaskedLM',lambda a:T.DebertaV2Config(**BK,relative_attention=True,pos_att_type=['p2c','c2p'],position_buckets=8,norm_rel_ebd='layer_norm',share_att_key=True,type_vocab_size=0)),enc,ED)
add('roberta',hf('RobertaForMaskedLM',lambda a:T.RobertaConfig(**{**BK,'max_position_embeddings':70,'pad_token_id':1},attn_implementation=a)),enc,ED,sdpa=True)
add('distilbert',hf('DistilBertForMaskedLM',lambda a:T.DistilBertConfig(vocab_size=97,dim=32,n_layers=2,n_heads=4,hidden_dim=64,max_position_embeddings=64,attn_implementation=a)),enc,ED,sdpa=True)
add('albert',hf('AlbertForMaskedLM',lambda a:T.AlbertConfig(vocab_size=97,embedding_size=16,hidden_size=32,num_hidden_layers=3,num_attention_heads=4,intermediate_size=64,max_position_embeddings=64,classifier_dropout_prob=0.0,attn_implementation=a)),enc,ED,sdpa=True)
add('modernbert',hf('ModernBertForMaskedLM',lambda a:T.ModernBertConfig(vocab_size=97,hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=48,max_position_embeddings=64,pad_token_id=0,local_attention=4,global_attn_every_n_layers=2,bos_token_id=1,eos_token_id=2,cls_token_id=1,sep_token_id=2,attn_implementation=a)),enc,ED)
add('electra',hf('ElectraForPreTraining',lambda a:T.ElectraConfig(**BK,embedding_size=16,attn_implementation=a)),enc,ED)
class Plain(nn.Module):
    def __init__(s,pre=True):
        super().__init__(); s.emb=nn.Embedding(97,32); s.encoder=nn.TransformerEncoder(nn.TransformerEncoderLayer(32,4,64,0.0,batch_first=True,norm_first=pre),2,enable_nested_tensor=False); s.head=nn.Linear(32,97)
    def forward(s,input_ids): return s.head(s.encoder(s.emb(input_ids)))
add('nn_encoder',lambda a:Plain(),lambda b,s:{'input_ids':ids(b,s)},{'input_ids':S},('y',))
add('nn_encoder_post',lambda a:Plain(False),lambda b,s:{'input_ids':ids(b,s)},{'input_ids':S},('y',))
class Gru(nn.Module):
    def __init__(s,k): super().__init__(); s.emb=nn.Embedding(97,16); s.rnn=k(16,24,2,batch_first=True); s.head=nn.Linear(24,97)
    def forward(s,input_ids): return s.head(s.rnn(s.emb(input_ids))[0])
add('gru',lambda a:Gru(nn.GRU),lambda b,s:{'input_ids':ids(b,s)},{'input_ids':S},('y',))
add('lstm',lambda a:Gru(nn.LSTM),lambda b,s:{'input_ids':ids(b,s)},{'input_ids':S},('y',))
add('swin',hf('SwinForImageClassification',lambda a:T.SwinConfig(image_size=32,patch_size=4,embed_dim=16,depths=[2,2],num_heads=[2,4],window_size=4,num_labels=5,attn_implementation=a)),lambda b,s:{'pixel_values':fl(b,3,32,32)},{'pixel_values':B0})
add('dinov2',hf('Dinov2Model',lambda a:T.Dinov2Config(hidden_size=32,num_hidden_layers=2,num_attention_heads=4,mlp_ratio=2,image_size=16,patch_size=4,attn_implementation=a)),lambda b,s:{'pixel_values':fl(b,3,16,16)},{'pixel_values':B0},('last_hidden_state',))
add('siglip',hf('SiglipVisionModel',lambda a:T.SiglipVisionConfig(hidden_size=32,num_hidden_layers=2,num_attention_heads=4,intermediate_size=64,image_size=16,patch_size=4,attn_implementation=a)),lambda b,s:{'pixel_values':fl(b,3,16,16)},{'pixel_values':B0},('last_hidden_state','pooler_output'))
add('mamba_static',hf('MambaForCausalLM',lambda a:T.MambaConfig(vocab_size=97,hidden_size=32,state_size=8,num_hidden_layers=2,expand=2,conv_kernel=4,bos_token_id=0,eos_token_id=None,pad_token_id=0)),lambda b,s:{'input_ids':ids(b,8)},{'input_ids':B0})
add('mamba2_static',hf('Mamba2ForCausalLM',lambda a:T.Mamba2Config(vocab_size=97,hidden_size=32,state_size=8,num_hidden_layers=2,expand=2,conv_kernel=4,num_heads=4,head_dim=16,n_groups=1,chunk_size=8,bos_token_id=0,eos_token_id=None,pad_token_id=0)),lambda b,s:{'input_ids':ids(b,8)},{'input_ids':B0})
add('rwkv_static',hf('RwkvForCausalLM',lambda a:T.RwkvConfig(vocab_size=97,hidden_size=32,num_hidden_layers=2,attention_hidden_size=32,context_length=64,bos_token_id=0,eos_token_id=None)),lambda b,s:{'input_ids':ids(b,8)},{'input_ids':B0})
def wrap(m,names,outs):
    base=type(m)
    call=', '.join(f'{n}={n}' for n in names)
    co=base.forward.__code__.co_varnames
    extra=', use_cache=False' if 'use_cache' in inspect.signature(base.forward).parameters or hasattr(m,'config') and getattr(m,'can_generate',lambda:False)() else ''
    body=f"def forward(self, {', '.join(names)}):\n    r=base.forward(self,{call}{extra})\n    return "+('r' if outs==('y',) else ','.join('r.'+o for o in outs))+'\n'
    env={'base':base}; exec(body,env)
    m.__class__=type(base.__name__,(base,),{'forward':env['forward'],'__module__':base.__module__})
    return m
def main(names):
    for n in names:
        build,inputs,dyn,outs,sdpa=E[n]
        out=f'out/{n}'; os.makedirs(out,exist_ok=True); files={}; fails={}
        def mk(a):
            torch.manual_seed(0); return reinit(build(a),sum(map(ord,n))).eval()
        for key in ['torchscript','dynamo']+(['torchscript_sdpa','dynamo_sdpa'] if sdpa else []):
            a='sdpa' if 'sdpa' in key else 'eager'
            try:
                m=wrap(mk(a),list(inputs(2,7)),outs); p=f'{out}/{key}.onnx'; ex=tuple(inputs(2,7).values()); nm=list(inputs(2,7))
                with contextlib.redirect_stdout(io.StringIO()),torch.no_grad():
                    if 'dynamo' in key:
                        pr=torch.onnx.export(m,ex,dynamo=True,opset_version=18,input_names=nm,output_names=list(outs),dynamic_shapes={k:dyn.get(k) for k in nm},verbose=False); pr.save(p); onnx.save(trim_traces(scrub(onnx.load(p))),p)
                    else:
                        torch.onnx.export(m,ex,p,dynamo=False,opset_version=17,input_names=nm,output_names=list(outs),dynamic_axes={**{k:v for k,v in dyn.items()},**{o:{0:'batch'} for o in outs}}); onnx.save(scrub(onnx.load(p)),p)
                    s=sess(p); have={i.name for i in s.get_inputs()}; worst=0; ref=mk('eager')
                    for bs in [(2,7),(1,5),(3,9)]:
                        f=inputs(*bs); r=ref(**f); g=s.run(None,{k:v.numpy() for k,v in f.items() if k in have})
                        for o,gg in zip(outs,g):
                            e=(r if torch.is_tensor(r) else r[o]).numpy(); worst=max(worst,float(np.abs(e-gg).max()))
                    assert worst<2e-4,f'differs {worst}'
                files[key]={'path':f'{key}.onnx','exporter':key,'attention':a,'opset':{'ai.onnx':17},'inputs':[],'outputs':[],'module_prefix':'','lacks':['identity_modules'],'max_abs_error':worst}
            except Exception as e: fails[key]=f'{type(e).__name__}: {str(e)[:200]}'
        c=0
        try:
            if files: _,_,c=witness.build(n,mk('eager'),inputs(2,7),files,out,outs=outs,standard=std(n),failed=fails,lim_edit=lambda p:not re.search(r'\.0(\.|$)',p))
        except Exception as e:
            import traceback; traceback.print_exc()
        print(n,'files',list(files),'cases',c,'FAILED',{k:v[:150] for k,v in fails.items()},flush=True)
STD={
 't5':('encoder.block','decoder.block','encoder.layers','decoder.layers'),'t5_gated':('encoder.block','decoder.block','encoder.layers','decoder.layers'),
 'bart':('model.encoder.layers','model.decoder.layers','encoder.layers','decoder.layers'),'whisper':('model.encoder.layers','model.decoder.layers','encoder.layers','decoder.layers'),
 'clip':('vision_model.encoder.layers','text_model.encoder.layers','vision_model.layers','text_model.layers'),
}
ONE={'t5_encoder':'encoder.block','whisper_decoder':'decoder.layers','wav2vec2':'wav2vec2.encoder.layers','hubert':'encoder.layers','roberta':'roberta.encoder.layer','distilbert':'distilbert.transformer.layer','deberta':'deberta.encoder.layer','modernbert':'model.layers','electra':'electra.encoder.layer','nn_encoder':'encoder.layers','nn_encoder_post':'encoder.layers','dinov2':'encoder.layer','mamba_static':'backbone.layers','mamba2_static':'backbone.layers','rwkv_static':'rwkv.blocks'}
def std(n):
    def f(model,r,clean):
        S={}
        stacks=[(b,nm) for b,nm in zip(STD[n][:2],STD[n][2:])] if n in STD else [(ONE[n],'layers')] if n in ONE else []
        sm=list(r.softmax); at=list(r.attn); 
        order=[(b,nm,l) for b,nm in stacks for l in range(2)]
        for b,nm,l in order:
            pre=r.reads.get((f'{b}.{l}',0,'input',None)); post=r.reads.get((f'{b}.{l}',0,'output',None),r.reads.get((f'{b}.{l}',0,'output',0)))
            if pre is None: continue
            S[f'{nm}.{l}#resid_pre']=pre; S[f'{nm}.{l}#resid_post']=post
            dec='decoder' in b
            for c in (('','cross_') if dec else ('',)):
                if sm and not (n=='clip' and len(sm)!=4):
                    x,y=sm.pop(0); S[f'{nm}.{l}#{c}scores']=x; S[f'{nm}.{l}#{c}pattern']=y
                if at:
                    q,k,v=at.pop(0); S[f'{nm}.{l}#{c}q']=q;S[f'{nm}.{l}#{c}k']=k;S[f'{nm}.{l}#{c}v']=v
        return S
    return f
if __name__=='__main__': main(sys.argv[1].split(',') if len(sys.argv)>1 else list(E))
